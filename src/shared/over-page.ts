/**
 * Lays a dialog over the page for as long as somebody can see it. What nobody sees must not be modal: the page around a view that is put
 * away would be dead. There the dialog stays open in its place, and lies over the page again when the view is back.
 * @returns ends that, before the dialog is closed; null, and nothing has changed, where `<dialog>` is unknown (Safari before 15.4)
 */
export function layOverPage(dialog: HTMLDialogElement): (() => void) | null {
  if (!dialog.showModal) return null;
  let over = true;
  const lay = (): void => {
    if (!dialog.isConnected) return;
    dialog.close();
    if (over) dialog.showModal();
    else dialog.setAttribute('open', '');
  };
  lay();
  const views = new IntersectionObserver((entries) => {
    const seen = entries.pop()!.isIntersecting;
    if (seen === over) return;
    over = seen;
    lay();
  });
  views.observe(dialog);
  // What goes to full screen meanwhile lies over it, in sight or not, and would take every touch.
  const page = dialog.ownerDocument;
  page.addEventListener('fullscreenchange', lay);
  return () => {
    views.disconnect();
    page.removeEventListener('fullscreenchange', lay);
  };
}
