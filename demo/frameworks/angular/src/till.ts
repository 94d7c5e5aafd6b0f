import { CUSTOM_ELEMENTS_SCHEMA, Component, type ElementRef, signal, viewChild } from '@angular/core';
import type { ConnectFinishedEvent, RulrrEreceiptNumpad } from 'rulrr-embed';

/** Angular checks no bindings of elements that are not its own; what comes in by events is typed in the handlers. */
@Component({
  selector: 'till-page',
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  template: `
    <main>
      <h1>A till in Angular</h1>
      <button data-demo="toggle" (click)="settings.set(!settings())">Settings</button>
      <button data-demo="redraw" (click)="draws.set(draws() + 1)">Drawn again {{ draws() }} times</button>
      <p data-demo="connection">{{ connection() }}</p>
      <p>
        <span data-demo="calls">{{ calls() }}</span> calls by the shop's own fetch
      </p>

      @if (settings()) {
        <rulrr-connect proxy-url="/rulrr" [timeout]="900" [fetch]="shopFetch" (connect-finished)="onFinished($event)">
          Connect till {{ draws() }}
        </rulrr-connect>
      }

      <button data-demo="pay" (click)="pay()">Order {{ order() }} is paid</button>
      <button data-demo="leave" (click)="counter.set(!counter())">Numpad</button>

      @if (counter()) {
        <rulrr-ereceipt-numpad #numpad proxy-url="/rulrr" default-country="US"></rulrr-ereceipt-numpad>
      }

      <h2>Printed</h2>
      <ul data-demo="paper">
        @for (item of printed(); track item.orderId) {
          <li [attr.data-order-id]="item.orderId" [attr.data-reason]="item.reason">
            Order {{ item.orderId }}: {{ item.reason }}
          </li>
        }
      </ul>
      <h2>Texted</h2>
      <ul data-demo="texted">
        @for (item of texted(); track item.orderId) {
          <li [attr.data-order-id]="item.orderId" [attr.data-phone-number]="item.phoneNumber">
            Order {{ item.orderId }}: {{ item.phoneNumber }}
          </li>
        }
      </ul>
    </main>
  `,
})
export class Till {
  readonly numpad = viewChild<ElementRef<RulrrEreceiptNumpad>>('numpad');
  readonly order = signal(1001);
  readonly settings = signal(true);
  readonly counter = signal(true);
  readonly draws = signal(0);
  readonly connection = signal('not connected');
  readonly calls = signal(0);
  readonly printed = signal<{ orderId: string; reason: string }[]>([]);
  readonly texted = signal<{ orderId: string; phoneNumber: string }[]>([]);

  /** A function goes in as a property: the place for a vendor's own headers. */
  readonly shopFetch: typeof fetch = (input, init) => {
    this.calls.update((count) => count + 1);
    return fetch(input, init);
  };

  /** Awaited rather than listened for: the order of a numpad that is taken out ends once it is gone, and Angular's listeners with it. */
  async pay(): Promise<void> {
    const outcome = await this.numpad()?.nativeElement.prompt(String(this.order()));
    if (!outcome) return;
    if (outcome.type === 'ereceipt-sent') this.texted.update((list) => [...list, outcome]);
    else this.printed.update((list) => [...list, outcome]);
    this.order.update((number) => number + 1);
  }

  onFinished(event: ConnectFinishedEvent): void {
    this.connection.set(event.detail.ereceipt ? 'connected, e-receipts on' : 'connected, e-receipts off');
  }
}
