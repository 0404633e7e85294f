/** The webview's end of the line to the extension. */
import type { Channel, Message } from '../extension/core/protocol/channel';

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

/** Put into every webview by VS Code; may be called once. */
declare function acquireVsCodeApi(): VsCodeApi;

/** `State` is all that outlives the page being hidden or the window being reloaded: where the user was, never data. */
export interface Host<In extends Message, Out extends Message, State> extends Channel<In, Out> {
  /** What the page kept last; undefined in a new panel. */
  getState(): State | undefined;
  setState(state: State): void;
}

/** May be called once a page. */
export function acquireHost<In extends Message, Out extends Message, State>(): Host<In, Out, State> {
  const api = acquireVsCodeApi();
  return {
    send: (message) => api.postMessage(message),
    listen: (listener) => {
      const hear = (event: MessageEvent<unknown>) => {
        // Other frames may speak to the page too; ours are objects with a type.
        if (isMessage(event.data)) listener(event.data as In);
      };
      window.addEventListener('message', hear);
      return () => window.removeEventListener('message', hear);
    },
    getState: () => (api.getState() ?? undefined) as State | undefined,
    setState: (state) => api.setState(state),
  };
}

function isMessage(data: unknown): data is Message {
  return typeof data === 'object' && data !== null && typeof (data as { readonly type?: unknown }).type === 'string';
}
