// Reads {bundle, schemas: {file: schema}, cases: [{type, data, event, valid}]} on
// stdin and prints where ajv's verdict differs from the one that is given.
const Ajv2020 = require('ajv/dist/2020').default;
const Ajv07 = require('ajv').default;
const addFormats = require('ajv-formats').default;

const input = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const options = { strict: true, strictTypes: false, strictRequired: false, allErrors: true };
const make = (Ajv) => addFormats(new Ajv(options));

const bundle = make(Ajv2020).compile(input.bundle);
const check = { '2020-12': {}, 'draft-07': {} };
for (const [type, schema] of Object.entries(input.schemas)) {
  check['2020-12'][type] = make(Ajv2020).compile(schema);
  check['draft-07'][type] = make(Ajv07).compile(schema);
}

const differences = [];
let count = 0;
for (const c of input.cases) {
  const verdicts = { bundle: bundle(c.event) };
  for (const draft of Object.keys(check)) verdicts[draft] = check[draft][c.type](c.data);
  for (const [judge, valid] of Object.entries(verdicts)) {
    count++;
    if (valid !== c.valid) differences.push({ judge, type: c.type, data: c.data, valid });
  }
}
console.log(JSON.stringify({ count, differences }));
