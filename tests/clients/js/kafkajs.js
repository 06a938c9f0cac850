// kafkajs: a client in JavaScript, with gzip from Node and snappy from its plug-in.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');

const [bootstrap, prefix] = process.argv.slice(2);
const LIMIT_MS = 30000;
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy };
const numbered = (count) => Array.from({ length: count }, (_, i) => `record ${i}`);

function expect(expected, actual) {
  if (JSON.stringify(expected) !== JSON.stringify(actual)) {
    throw new Error(`expected ${JSON.stringify(expected).slice(0, 200)} but got ${JSON.stringify(actual)?.slice(0, 200)}`);
  }
}

async function until(what, condition) {
  const end = Date.now() + LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function topic(name, numPartitions = 1, configs = {}) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await admin.createTopics({ topics: [{ topic: prefix + name, numPartitions, replicationFactor: 1, configEntries }], waitForLeaders: true });
  return prefix + name;
}

async function write(name, messages, { acks = -1, compression = CompressionTypes.None, ...settings } = {}) {
  const producer = kafka.producer(settings);
  await producer.connect();
  await producer.send({ topic: name, acks, compression, messages });
  await producer.disconnect();
}

// A member of a group that collects what it reads, and how many partitions it has.
async function member(name, groupId) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxBytesPerPartition: 4000000 });
  const self = { consumer, seen: [], partitions: 0 };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { self.partitions = (payload.memberAssignment[name] || []).length; });
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => { self.seen.push(message); } });
  return self;
}

async function read(name, count) {
  const reader = await member(name, `${name}-reader`);
  await until(`${count} records are read`, () => reader.seen.length >= count);
  await reader.consumer.disconnect();
  return reader.seen;
}

const texts = (messages) => messages.map((message) => message.value.toString());

const scenarios = {};
for (const [codec, compression] of Object.entries(CODECS)) {
  for (const acks of [0, 1, -1]) {
    scenarios[`produce-${codec}-${acks === -1 ? 'all' : acks}`] = async () => {
      const name = await topic(`produce-${codec}-${acks}`);
      await write(name, numbered(10).map((value) => ({ value })), { acks, compression });
      expect(numbered(10), texts(await read(name, 10)));
    };
  }
}

scenarios['consume-from-time'] = async () => {
  const name = await topic('time');
  await write(name, numbered(10).map((value, i) => ({ value, timestamp: `${1000 * (i + 1)}` })));
  expect([{ partition: 0, offset: '5' }], await admin.fetchTopicOffsetsByTimestamp(name, 5500));
};

scenarios['group-rebalance'] = async () => {
  const name = await topic('group', 4);
  const first = await member(name, `${prefix}group`);
  await until('the first member has all', () => first.partitions === 4);
  const second = await member(name, `${prefix}group`);
  await until('both have two', () => first.partitions === 2 && second.partitions === 2);
  await write(name, numbered(40).map((value, i) => ({ value, partition: i % 4 })));
  await until('both read all', () => new Set(texts([...first.seen, ...second.seen])).size === 40);
  await second.consumer.disconnect();
  await until('the first member has all again', () => first.partitions === 4);
  await first.consumer.disconnect();
  const [offsets] = await admin.fetchOffsets({ groupId: `${prefix}group`, topics: [name] });
  expect(['10', '10', '10', '10'], offsets.partitions.map(({ offset }) => offset));
  await admin.deleteGroups([`${prefix}group`]);
};

scenarios.admin = async () => {
  const name = await topic('admin', 3, { 'retention.ms': '60000' });
  const metadata = await admin.fetchTopicMetadata({ topics: [name] });
  expect(3, metadata.topics[0].partitions.length);
  const described = await admin.describeConfigs({ resources: [{ type: 2, name, configNames: ['retention.ms'] }] });
  expect('60000', described.resources[0].configEntries[0].configValue);
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name, configEntries: [{ name: 'retention.ms', value: '70000' }] }] });
  await admin.deleteTopics({ topics: [name] });
  await until('the topic is gone', async () => !(await admin.listTopics()).includes(name));
};

scenarios.idempotent = async () => {
  const name = await topic('idempotent');
  await write(name, numbered(500).map((value) => ({ value })), { idempotent: true, maxInFlightRequests: 1 });
  expect(numbered(500), texts(await read(name, 500)));
};

scenarios['big-message'] = async () => {
  const name = await topic('big', 1, { 'max.message.bytes': '3000000' });
  await write(name, [{ value: 'b'.repeat(2000000) }]);
  expect(2000000, (await read(name, 1))[0].value.length);
};

scenarios.headers = async () => {
  const name = await topic('headers');
  await write(name, [{ value: 'v', headers: { a: '1', b: ['2', '3'] } }]);
  const { headers } = (await read(name, 1))[0];
  expect(['1', '2', '3'], [headers.a, ...headers.b].map(String));
};

scenarios.nulls = async () => {
  const name = await topic('nulls');
  await write(name, [{ key: null, value: 'no key' }, { key: 'no value', value: null }]);
  expect([[null, 'no key'], ['no value', null]], (await read(name, 2)).map(({ key, value }) => [key && String(key), value && String(value)]));
};

(async () => {
  await admin.connect();
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      await scenario();
      console.log(`ok ${name}`);
    } catch (why) {
      console.log(`FAIL ${name} ${String(why).replace(/\s+/g, ' ')}`);
    }
  }
  console.log('done');
  process.exit(0);
})();
