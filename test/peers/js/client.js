'use strict'
// What both scripts share: argv is the connection file, then the topic.
const fs = require('node:fs')
const { Kafka, logLevel } = require('kafkajs')

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))

async function token () {
  const basic = Buffer.from(`${settings.clientId}:${settings.clientSecret}`).toString('base64')
  const answer = await fetch(settings.tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials&scope=kafka'
  })
  if (!answer.ok) throw new Error(`token endpoint: ${answer.status}`)
  return { value: (await answer.json()).access_token }
}

function sasl () {
  if (!settings.mechanism) return undefined
  if (settings.mechanism === 'OAUTHBEARER') return { mechanism: 'oauthbearer', oauthBearerProvider: token }
  return { mechanism: settings.mechanism.toLowerCase(), username: settings.username, password: settings.password }
}

function tls () {
  if (!settings.ca) return undefined
  const read = (path) => path && fs.readFileSync(path)
  return { ca: [read(settings.ca)], cert: read(settings.cert), key: read(settings.key) }
}

exports.topic = process.argv[3]
exports.kafka = new Kafka({
  clientId: 'kafkajs-peer',
  brokers: settings.brokers,
  ssl: tls(),
  sasl: sasl(),
  logLevel: logLevel.ERROR
})
exports.encode = (bytes) => bytes == null ? null : bytes.toString('base64')
exports.decode = (text) => text == null ? null : Buffer.from(text, 'base64')
exports.main = (run) => run().catch((err) => {
  console.error(err.stack)
  process.exit(1)
})
