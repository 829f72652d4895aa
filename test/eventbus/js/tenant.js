'use strict'
// Publishes an event as the guide shows it. argv: brokers, the event's id, the tenant's id.
const { KafkaService } = require('./service.js')

async function main ([brokers, id, tenant]) {
  const kafkaService = new KafkaService('tenant-service', { clientId: 'tenant-service', brokers: brokers.split(',') })
  await kafkaService.connect()
  await kafkaService.produce('tenant.events', {
    id,
    type: 'tenant.created',
    source: 'tenant-service',
    time: new Date().toISOString(),
    dataVersion: '1.0',
    dataContentType: 'application/json',
    data: {
      id: tenant,
      name: 'Acme Corporation',
      schemaName: 'acme',
      packageId: 'package-id-1',
      billingEmail: 'billing@acme.com',
      subscriptionStartDate: new Date().toISOString(),
      initialModules: ['crm', 'hrm']
    }
  })
  await kafkaService.disconnect()
}

main(process.argv.slice(2)).catch((err) => {
  console.error(err.stack)
  process.exit(1)
})
