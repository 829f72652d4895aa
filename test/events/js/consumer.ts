// A small service of the kind that the exported types are for: reads events of
// tenants with kafkajs and prints a line for each.
// Usage: node consumer.js BROKER GROUP COUNT
import { Kafka, logLevel } from 'kafkajs';
import { EventTopic, TenantEvent, TenantEventType } from './events';

function describe(event: TenantEvent): string {
  switch (event.type) {
    case TenantEventType.CREATED:
      return `${event.type} ${event.data.name} ${event.data.initialModules.length}`;
    case TenantEventType.SUSPENDED:
      return `${event.type} ${event.data.reason}`;
    default:
      return `${event.type} ${event.data.id}`;
  }
}

async function main(broker: string, groupId: string, count: number): Promise<void> {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: EventTopic[TenantEventType.CREATED], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    let seen = 0;
    consumer.run({
      eachMessage: async ({ message }) => {
        const event = JSON.parse(String(message.value)) as TenantEvent;
        process.stdout.write(describe(event) + '\n');
        if (++seen === count) resolve();
      },
    }).catch(reject);
  });
  await consumer.disconnect();
}

main(String(process.argv[2]), String(process.argv[3]), Number(process.argv[4])).catch((err: unknown) => {
  console.error(err);
  process.exit(1);
});
