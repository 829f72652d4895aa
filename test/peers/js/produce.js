'use strict'
// Sends the records on stdin, one JSON object a line, with kafkajs's default
// partitioner unless a line names a partition.
const readline = require('node:readline')
const { kafka, topic, decode, main } = require('./client.js')

function headers (list) {
  const all = {}
  for (const { key, value } of list || []) {
    const name = decode(key).toString()
    all[name] = [...(all[name] || []), decode(value)]
  }
  return all
}

main(async () => {
  const messages = []
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const r = JSON.parse(line)
    messages.push({
      key: decode(r.key),
      value: decode(r.value),
      headers: headers(r.headers),
      partition: r.partition >= 0 ? r.partition : undefined,
      timestamp: r.timestamp > 0 ? String(r.timestamp) : undefined
    })
  }
  const producer = kafka.producer()
  await producer.connect()
  for (let i = 0; i < messages.length; i += 1000) {
    await producer.send({ topic, acks: -1, messages: messages.slice(i, i + 1000) })
  }
  await producer.disconnect()
})
