// Parses the AsyncAPI document on stdin and prints its diagnostics and names.
const { Parser } = require('@asyncapi/parser');

(async () => {
  const text = require('node:fs').readFileSync(0, 'utf8');
  const { document, diagnostics } = await new Parser().parse(text);
  console.log(JSON.stringify({
    diagnostics: diagnostics.map((d) => ({ severity: d.severity, message: d.message, path: d.path.join('/') })),
    channels: document ? document.channels().all().map((c) => c.address()).sort() : [],
    messages: document ? document.components().messages().all().map((m) => m.name()).sort() : [],
    operations: document ? document.operations().all().length : 0,
  }));
})();
