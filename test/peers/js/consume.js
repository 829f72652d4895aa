'use strict'
// Prints every record of the topic up to its end as of the start, one JSON
// object a line, through a consumer group of its own: argv[4] is its name.
const { kafka, topic, encode, main } = require('./client.js')

function headers (all) {
  const list = []
  for (const [name, value] of Object.entries(all || {})) {
    for (const v of Array.isArray(value) ? value : [value]) {
      list.push({ key: encode(Buffer.from(name)), value: encode(v) })
    }
  }
  return list
}

main(async () => {
  const admin = kafka.admin()
  await admin.connect()
  const open = new Map()
  for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
    if (BigInt(high) > BigInt(low)) open.set(partition, BigInt(high))
  }
  const consumer = kafka.consumer({ groupId: process.argv[4], allowAutoTopicCreation: false, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  if (open.size > 0) {
    let read = false
    await new Promise((resolve, reject) => {
      // A broker that has just started may still load its groups; what was printed is not read twice.
      consumer.on(consumer.events.CRASH, ({ payload }) => { if (read || !payload.restart) reject(payload.error) })
      // Empty batches are delivered too, so control records at the end do not hang the reader.
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
        const end = open.get(payload.partition)
        if (end !== undefined && BigInt(payload.lastOffset) + 1n >= end) open.delete(payload.partition)
        if (open.size === 0) resolve()
      })
      consumer.run({
        eachBatch: async ({ batch }) => {
          read = true
          const lines = batch.messages.map((m) => JSON.stringify({
            partition: batch.partition,
            offset: Number(m.offset),
            timestamp: Number(m.timestamp),
            key: encode(m.key),
            value: encode(m.value),
            headers: headers(m.headers)
          }) + '\n')
          process.stdout.write(lines.join(''))
        }
      }).catch(reject)
    })
  }
  await consumer.disconnect()
  await admin.deleteGroups([process.argv[4]])
  await admin.disconnect()
})
