/** The HTML that a webview starts from: nothing but where its script and style lie, and what it may not do. */
import { randomBytes } from 'node:crypto';

export interface PageOptions {
  readonly title: string;
  /** As the webview may load them. */
  readonly script: string;
  readonly style: string;
  /** `webview.cspSource`. */
  readonly source: string;
}

/**
 * The controls write style elements, therefore 'unsafe-inline' for styles; scripts need the nonce, and nothing but the
 * product's own files is loaded from anywhere.
 */
export function pageHtml({ title, script, style, source }: PageOptions): string {
  const nonce = randomBytes(16).toString('base64');
  const policy = `default-src 'none'; img-src ${source} data:; font-src ${source}; style-src ${source} 'unsafe-inline'; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${escaped(style)}">
</head>
<body>
<div id="root"></div>
<script nonce="${nonce}" src="${escaped(script)}"></script>
</body>
</html>`;
}

/** A page that only says something. */
export function messageHtml(text: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'">
<title>Checkpoint</title>
</head>
<body><p role="alert">${escaped(text)}</p></body>
</html>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
