// What a NestJS service does with the exported types, after the examples of the
// original document. Lines that must not compile say so.
import {
  AnyEvent, BaseEvent, BillingSubscriptionRenewedData, EventOf, EventTopic, EventType, NotificationEmailRequestedData,
  TenantCreatedEvent, TenantEvent, TenantEventType, UserEventType,
} from './events';

declare class KafkaService {
  produce<T extends EventType>(topic: (typeof EventTopic)[T], event: EventOf<T>): Promise<void>;
  subscribe(topic: string, handler: (message: unknown, event: AnyEvent) => Promise<void>): Promise<() => Promise<void>>;
}

async function publish(kafkaService: KafkaService): Promise<void> {
  await kafkaService.produce('tenant.events', {
    id: 'event-id-1',
    type: TenantEventType.CREATED,
    source: 'tenant-service',
    time: new Date().toISOString(),
    dataVersion: '1.0',
    dataContentType: 'application/json',
    data: {
      id: 'tenant-id-1',
      name: 'Acme Corporation',
      schemaName: 'acme',
      packageId: 'package-id-1',
      billingEmail: 'billing@acme.com',
      subscriptionStartDate: new Date().toISOString(),
      initialModules: ['crm', 'hrm'],
    },
  });
}

export async function consume(kafkaService: KafkaService): Promise<string[]> {
  const seen: string[] = [];
  const stop = await kafkaService.subscribe('tenant.events', async (_message, event) => {
    switch (event.type) {
      case 'tenant.created':
        seen.push(event.data.billingEmail, ...event.data.initialModules);
        break;
      case TenantEventType.SUSPENDED:
        seen.push(event.data.reason === 'payment_overdue' ? 'overdue' : event.data.suspendedAt);
        break;
      case UserEventType.MFA_ENABLED:
        seen.push(event.data.method);
        break;
      case 'analytics.metric_updated':
        seen.push(event.data.value.toFixed(1), Object.values(event.data.dimensions ?? {}).join());
        break;
      default:
        seen.push(event.type);
    }
  });
  await stop();
  return seen;
}

// A switch over a domain is exhaustive.
export function describe(event: TenantEvent): string {
  switch (event.type) {
    case TenantEventType.CREATED: return event.data.name;
    case TenantEventType.UPDATED: return event.data.updatedFields.join();
    case TenantEventType.SUSPENDED: return event.data.reason;
    case TenantEventType.ACTIVATED: return event.data.activatedAt;
    case TenantEventType.DELETED: return event.data.mode;
    case TenantEventType.PACKAGE_CHANGED: return event.data.newPackageId;
    default: {
      const never: never = event;
      return never;
    }
  }
}

export const topic: 'tenant.events' = EventTopic['tenant.created'];
export const base: BaseEvent = {} as TenantCreatedEvent;
export const all: TenantEventType[] = Object.values(TenantEventType);

const mail = { notificationId: 'n', templateId: 't' };
export const toUser: NotificationEmailRequestedData = { ...mail, recipientUserId: 'u' };
export const toAddress: NotificationEmailRequestedData = { ...mail, recipientEmail: 'a@b.example' };
// @ts-expect-error: one of the two recipients is needed
export const toNobody: NotificationEmailRequestedData = mail;

const period = { subscriptionId: 's', packageId: 'p', periodStart: '', periodEnd: '' };
export const free: BillingSubscriptionRenewedData = period;
export const paid: BillingSubscriptionRenewedData = { ...period, amount: 1, currency: 'EUR' };
// @ts-expect-error: an amount comes with its currency
export const half: BillingSubscriptionRenewedData = { ...period, amount: 1 };

// @ts-expect-error: not a reason that the contract knows
export const reason: EventOf<'tenant.suspended'>['data']['reason'] = 'bored';
// @ts-expect-error: the data of another type
export const mixed: AnyEvent = { ...({} as TenantCreatedEvent), type: 'tenant.deleted' };
// @ts-expect-error: an optional member is left out, never null
export const nullTenant: TenantCreatedEvent = { ...({} as TenantCreatedEvent), tenantId: null };

export const run = [publish];
