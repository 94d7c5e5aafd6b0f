// Compiled along with the React page: each line below must be an error, or the types let anything through.

// @ts-expect-error a number of seconds
export const timeout = <rulrr-connect timeout="soon" />;

// @ts-expect-error inline or dialog
export const presentation = <rulrr-connect presentation="window" />;

// @ts-expect-error a function like the global one
export const fetcher = <rulrr-connect fetch={(text: number) => text} />;

// @ts-expect-error no such property
export const unknown = <rulrr-ereceipt-numpad colour="red" />;

// @ts-expect-error the element of another tag
export const reference = (ref: React.RefObject<HTMLInputElement>) => <rulrr-ereceipt-numpad ref={ref} />;

// @ts-expect-error the outcome has no such detail
export const detail = <rulrr-ereceipt-numpad onprint-receipt={(event) => event.detail.nothing} />;

// What every element takes passes, handlers of React's own events among it.
export const right = (style: React.CSSProperties, press: (event: React.MouseEvent) => void) => (
  <rulrr-connect style={style} dir="auto" suppressHydrationWarning onClick={press} onPointerDown={() => {}} />
);
