/**
 * How a webview and its host talk: plain messages, each a case of one union a direction, with a `type`. The view says
 * `ready` with its navigation state and then asks; the host answers with complete snapshots, never with differences,
 * so a view that was hidden or reloaded shows the truth as soon as it has spoken.
 */
export interface Message {
  readonly type: string;
}

/** One end of the line. `In` is heard, `Out` is said. */
export interface Channel<In extends Message, Out extends Message> {
  send(message: Out): void;
  /** Returns what ends the listening. */
  listen(listener: (message: In) => void): () => void;
}
