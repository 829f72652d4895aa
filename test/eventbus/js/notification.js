'use strict'
// Consumes events, and with the argument "dlq" dead letters, as the guide shows it, and prints each as a
// line of JSON until stdin ends. The tenant "fails-in-node" cannot be handled. argv: brokers, events|dlq.
const { KafkaService } = require('./service.js')

async function main ([brokers, what]) {
  const kafkaService = new KafkaService('notification-service', { clientId: 'notification-service', brokers: brokers.split(',') })
  await kafkaService.connect()

  const handler = async (message, event) => {
    if (what === 'events' && event.data.id === 'fails-in-node') throw new Error('no mailbox for this tenant')
    const headers = Object.fromEntries(Object.entries(message.headers || {}).map(([name, value]) => [name, String(value)]))
    process.stdout.write(JSON.stringify({ key: String(message.key), event, error: event.error || '', headers }) + '\n')
  }
  const stopConsumer = what === 'dlq'
    ? await kafkaService.consumeDlq('tenant.events', handler)
    : await kafkaService.subscribe('tenant.events', handler, { groupId: 'notification-service-tenant-consumer', fromBeginning: true })

  process.stdin.resume()
  await new Promise((resolve) => process.stdin.on('end', resolve))
  await stopConsumer()
  await kafkaService.disconnect()
}

main(process.argv.slice(2)).catch((err) => {
  console.error(err.stack)
  process.exit(1)
})
