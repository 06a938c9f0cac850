// kafkajs: a client in JavaScript. Of the codecs it brings gzip; snappy has a plug-in, lz4 and zstd are plugged in here.
const zstd = require('@bokuweb/zstd-wasm');
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs');
const lz4 = require('lz4-napi');

const plugIn = (compress, decompress) => () => ({ compress: ({ buffer }) => compress(buffer), decompress });
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');
CompressionCodecs[CompressionTypes.LZ4] = plugIn(lz4.compressFrame, lz4.decompressFrame);
CompressionCodecs[CompressionTypes.ZSTD] = plugIn(async (buffer) => Buffer.from(zstd.compress(buffer)), async (buffer) => Buffer.from(zstd.decompress(buffer)));

const [bootstrap, prefix] = process.argv.slice(2);
const LIMIT_MS = 30000;
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD };
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
  await admin.createTopics({ topics: [{ topic: prefix + name, numPartitions, replicationFactor: 1, configEntries }], waitForLeaders: false });
  // This client does not wait for a topic that Metadata does not tell of yet; Kafka may be busy with others.
  const known = ({ topics }) => topics[0].partitions.length === numPartitions;
  await until('the topic is known', () => admin.fetchTopicMetadata({ topics: [prefix + name] }).then(known, () => false));
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
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 200, maxBytesPerPartition: 4000000 });
  const self = { consumer, seen: [], partitions: 0 };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { self.partitions = (payload.memberAssignment[name] || []).length; });
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  await consumer.run({ eachMessage: async ({ message }) => { self.seen.push(message); } });
  return self;
}

async function read(name, count, offset = '0') {
  const reader = await member(name, `${name}-reader`);
  if (offset !== '0') reader.consumer.seek({ topic: name, partition: 0, offset });
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
  const [found] = await admin.fetchTopicOffsetsByTimestamp(name, 5500);
  expect({ partition: 0, offset: '5' }, found);
  expect(numbered(10).slice(5), texts(await read(name, 5, found.offset)));
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
  const retention = async () => {
    const described = await admin.describeConfigs({ resources: [{ type: 2, name, configNames: ['retention.ms'] }] });
    return described.resources[0].configEntries[0].configValue;
  };
  expect('60000', await retention());
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name, configEntries: [{ name: 'retention.ms', value: '70000' }] }] });
  await until('the configuration is changed', async () => (await retention()) === '70000');
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
  await write(name, [{ key: null, value: 'no key' }, { key: 'no value', value: null }, { key: null, value: null }, { key: '', value: '' }]);
  const text = (bytes) => (bytes === null ? null : bytes.toString());
  expect([[null, 'no key'], ['no value', null], [null, null], ['', '']], (await read(name, 4)).map(({ key, value }) => [text(key), text(value)]));
};

scenarios['many-partitions'] = async () => {
  const name = await topic('many', 1000);
  await write(name, numbered(1000).map((value, partition) => ({ value, partition })));
  const reader = await member(name, `${name}-reader`);
  // This client repeats the whole request, not only what failed, when some of the new partitions are not ready yet.
  await until('each record is read', () => new Set(texts(reader.seen)).size === 1000);
  await reader.consumer.disconnect();
  expect(numbered(1000).sort(), [...new Set(texts(reader.seen))].sort());
};

(async () => {
  await zstd.init();
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
