'use strict'
// KafkaService as the services in Node have it: what the message broker guide shows of it, on kafkajs.
const { Kafka, logLevel } = require('kafkajs')

const delays = [200, 400, 800]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

class KafkaService {
  constructor (serviceName, options) {
    this.serviceName = serviceName
    this.kafka = new Kafka({ ...options, logLevel: logLevel.ERROR })
    this.producer = this.kafka.producer({ allowAutoTopicCreation: false })
  }

  async connect () {
    await this.producer.connect()
  }

  async disconnect () {
    await this.producer.disconnect()
  }

  async produce (topic, event, headers) {
    const key = event.data.id
    await this.producer.send({ topic, acks: -1, messages: [{ key, value: JSON.stringify(event), headers }] })
  }

  async subscribe (topic, handler, { groupId, fromBeginning = false }) {
    const consumer = this.kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning })
    await consumer.run({
      eachMessage: async ({ message }) => {
        const event = JSON.parse(message.value.toString())
        for (let attempt = 0; ; attempt++) {
          try {
            return await handler(message, event)
          } catch (error) {
            if (attempt < delays.length) {
              await sleep(delays[attempt])
              continue
            }
            await this.producer.send({
              topic: `${topic}.dlq`,
              messages: [{ key: message.key, value: JSON.stringify({ ...event, error: error.message }), headers: message.headers }]
            })
            return
          }
        }
      }
    })
    return async () => consumer.disconnect()
  }

  consumeDlq (topic, handler) {
    const groupId = `${this.serviceName}-dlq-consumer`
    return this.subscribe(`${topic}.dlq`, handler, { groupId, fromBeginning: true })
  }
}

module.exports = { KafkaService }
