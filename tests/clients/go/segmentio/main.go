// segmentio/kafka-go: a client in Go of its own mind.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const limit = 30 * time.Second

var (
	bootstrap, prefix = os.Args[1], os.Args[2]
	client            = &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: limit}
)

func limited() context.Context {
	ctx, _ := context.WithTimeout(context.Background(), limit) //nolint:govet // ends with its time
	return ctx
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(expected, actual any) {
	if fmt.Sprint(expected) != fmt.Sprint(actual) {
		panic(fmt.Sprintf("expected %.200v but got %.200v", expected, actual))
	}
}

func topic(name string, partitions int, configs ...kafka.ConfigEntry) string {
	made, err := client.CreateTopics(limited(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: prefix + name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}}})
	check(err)
	check(made.Errors[prefix+name])
	return prefix + name
}

func numbered(count int) []kafka.Message {
	messages := make([]kafka.Message, count)
	for i := range messages {
		messages[i].Value = []byte(fmt.Sprint("record ", i))
	}
	return messages
}

func write(topic string, messages []kafka.Message, codec kafka.Compression, acks kafka.RequiredAcks) {
	writer := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, Compression: codec, RequiredAcks: acks,
		BatchTimeout: 5 * time.Millisecond, BatchBytes: 4_000_000, Balancer: &kafka.RoundRobin{}}
	check(writer.WriteMessages(limited(), messages...))
	check(writer.Close())
}

func read(topic string, count int) []kafka.Message {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, MaxWait: 200 * time.Millisecond, MaxBytes: 4_000_000})
	defer reader.Close()
	return take(reader, count)
}

func take(reader *kafka.Reader, count int) []kafka.Message {
	var messages []kafka.Message
	for ctx := limited(); len(messages) < count; {
		message, err := reader.FetchMessage(ctx)
		check(err)
		messages = append(messages, message)
	}
	return messages
}

func values(messages []kafka.Message) string {
	var all []string
	for _, message := range messages {
		all = append(all, string(message.Value))
	}
	return strings.Join(all, ",")
}

func produce(name string, codec kafka.Compression, acks kafka.RequiredAcks) {
	topic := topic("produce-"+name, 1)
	write(topic, numbered(10), codec, acks)
	expect(values(numbered(10)), values(read(topic, 10)))
}

func consumeFromTime() {
	topic := topic("time", 1)
	messages := numbered(10)
	for i := range messages {
		messages[i].Time = time.UnixMilli(int64(1000 * (i + 1)))
	}
	write(topic, messages, 0, kafka.RequireAll)
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic})
	defer reader.Close()
	check(reader.SetOffsetAt(limited(), time.UnixMilli(5500)))
	expect(5, take(reader, 1)[0].Offset)
}

func groupRebalance() {
	topic := topic("group", 4)
	settings := kafka.ReaderConfig{Brokers: []string{bootstrap}, GroupID: prefix + "group", Topic: topic, MaxWait: 200 * time.Millisecond,
		StartOffset: kafka.FirstOffset, HeartbeatInterval: 200 * time.Millisecond, RebalanceTimeout: 5 * time.Second}
	first := kafka.NewReader(settings)
	write(topic, numbered(40), 0, kafka.RequireAll)
	check(first.CommitMessages(limited(), take(first, 40)...))
	second := kafka.NewReader(settings)
	members := func(count int) {
		for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
			described, err := client.DescribeGroups(limited(), &kafka.DescribeGroupsRequest{GroupIDs: []string{prefix + "group"}})
			check(err)
			if group := described.Groups[0]; group.GroupState == "Stable" && len(group.Members) == count {
				return
			}
			if time.Now().After(end) {
				panic(fmt.Sprintf("the group has never %d members", count))
			}
		}
	}
	members(2)
	check(second.Close())
	members(1)
	write(topic, numbered(4), 0, kafka.RequireAll)
	check(first.CommitMessages(limited(), take(first, 4)...))
	check(first.Close())
	fetched, err := client.OffsetFetch(limited(), &kafka.OffsetFetchRequest{GroupID: prefix + "group", Topics: map[string][]int{topic: {0, 1, 2, 3}}})
	check(err)
	total := int64(0)
	for _, partition := range fetched.Topics[topic] {
		total += partition.CommittedOffset
	}
	expect(44, total)
}

func administer() {
	topic := topic("admin", 3, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "60000"})
	described, err := client.Metadata(limited(), &kafka.MetadataRequest{Topics: []string{topic}})
	check(err)
	expect(3, len(described.Topics[0].Partitions))
	configs, err := client.DescribeConfigs(limited(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}}}})
	check(err)
	expect("60000", configs.Resources[0].ConfigEntries[0].ConfigValue)
	_, err = client.DeleteTopics(limited(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	check(err)
}

func bigMessage() {
	topic := topic("big", 1, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "3000000"})
	big := bytes.Repeat([]byte("b"), 2_000_000)
	write(topic, []kafka.Message{{Value: big}}, 0, kafka.RequireAll)
	expect(true, bytes.Equal(big, read(topic, 1)[0].Value))
}

func headers() {
	topic := topic("headers", 1)
	write(topic, []kafka.Message{{Value: []byte("v"), Headers: []kafka.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}}}}, 0, kafka.RequireAll)
	found := read(topic, 1)[0].Headers
	expect(2, len(found))
	expect("2", string(found[1].Value))
}

func nulls() {
	topic := topic("nulls", 1)
	write(topic, []kafka.Message{{Value: []byte("no key")}, {Key: []byte("no value")}}, 0, kafka.RequireAll)
	found := read(topic, 2)
	expect(true, len(found[0].Key) == 0 && len(found[1].Value) == 0)
}

func oldConnection() {
	// The library's low-level connection picks the oldest versions that it finds.
	connection, err := kafka.DialLeader(limited(), "tcp", bootstrap, topic("connection", 1), 0)
	check(err)
	defer connection.Close()
	_, err = connection.WriteMessages(numbered(3)...)
	check(err)
	_, err = connection.Seek(0, kafka.SeekStart)
	check(err)
	message, err := connection.ReadMessage(10_000)
	check(err)
	expect("record 0", string(message.Value))
}

func scenario(name string, run func()) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Println("FAIL", name, strings.Join(strings.Fields(fmt.Sprint(why)), " "))
		} else {
			fmt.Println("ok", name)
		}
	}()
	run()
}

func main() {
	codecs := []kafka.Compression{0, kafka.Gzip, kafka.Snappy, kafka.Lz4, kafka.Zstd}
	for i, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		for how, acks := range map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll} {
			scenario("produce-"+codec+"-"+how, func() { produce(codec+"-"+how, codecs[i], acks) })
		}
	}
	scenario("consume-from-time", consumeFromTime)
	scenario("group-rebalance", groupRebalance)
	scenario("admin", administer)
	scenario("big-message", bigMessage)
	scenario("headers", headers)
	scenario("nulls", nulls)
	scenario("old-connection", oldConnection)
	fmt.Println("done")
}
