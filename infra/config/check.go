package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
)

const (
	// MaxConsumers keeps a stack below CloudFormation's 500 resources, of which a consumer takes four or five.
	MaxConsumers = 100
	// maxWarehouses is what 100 consumers leave of them, at five for a warehouse.
	maxWarehouses = 15

	// maxTag is the length of a tag's value in characters. Source: AWS General Reference, Tag naming limits.
	maxTag = 256
	// maxTopics is how many actions an alarm has for a state. Source: Amazon CloudWatch API Reference, PutMetricAlarm.
	maxTopics = 5
	// Lambda's quotas of a function's network. Source: AWS Lambda API Reference, VpcConfig.
	maxSubnets, maxSecurityGroups = 16, 5
)

// logDays are the retention times that CloudWatch Logs takes.
//
// Source: Amazon CloudWatch Logs API Reference, PutRetentionPolicy (retentionInDays).
var logDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// A grammar is what some text must look like, for the program and in words.
type grammar struct {
	pattern *regexp.Regexp
	rule    string
}

var (
	ownName       = grammar{regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`), "use lower-case letters, digits and single hyphens between them, starting with a letter"}
	accountNumber = grammar{regexp.MustCompile(`^[0-9]{12}$`), "write the 12 digits in quotes"}
	regionName    = grammar{regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]$`), `write a region such as "eu-central-1"`}
	clusterName   = grammar{regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`), "write the cluster's identifier, not its ARN or address: lower-case letters, digits and single hyphens"}
	subnetID      = grammar{regexp.MustCompile(`^subnet-[0-9a-f]{8,17}$`), `write a subnet's id such as "subnet-0a1b2c3d4e5f60718"`}
	groupID       = grammar{regexp.MustCompile(`^sg-[0-9a-f]{8,17}$`), `write a security group's id such as "sg-0a1b2c3d4e5f60718"`}
	keyARN        = grammar{regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`), `write the ARN of a key, not of an alias: "arn:aws:kms:…:key/…"`}
	topicARN      = grammar{regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`), `write the ARN of a standard SNS topic: "arn:aws:sns:eu-central-1:111122223333:on-call"`}
	principalARN  = grammar{regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$`), `write the ARN of one role or user: "arn:aws:iam::111122223333:role/app"`}
	deployerARN   = grammar{regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/*-]+$`), `write the ARN of a role or user, with * for any run of characters: "arn:aws:iam::111122223333:role/deploy-*"`}
)

// maxName is the length of the names of stages, warehouses and consumers. They go into names of secrets and log
// groups; Secrets Manager takes 512 characters, an event bus 256, people fewer.
const maxName = 40

// A checker collects what is wrong with a stage.
type checker struct{ problems fault.Problems }

func (c *checker) add(where, what, fix string) {
	c.problems = append(c.problems, fault.Problem{Where: where, What: what, Fix: fix})
}

func (c *checker) match(g grammar, where, text string) bool {
	ok := g.pattern.MatchString(text)
	if !ok {
		c.add(where, fmt.Sprintf("is %q", text), g.rule)
	}
	return ok
}

func (c *checker) name(where, name string) {
	if c.match(ownName, where, name) && len(name) > maxName {
		c.add(where, fmt.Sprintf("has %d characters", len(name)), fmt.Sprintf("use at most %d", maxName))
	}
}

func (c *checker) matchAll(g grammar, where string, texts []string) {
	for i, text := range texts {
		if c.match(g, index(where, i), text) && slices.Contains(texts[:i], text) {
			c.add(index(where, i), fmt.Sprintf("%q is there twice", text), "keep one of them")
		}
	}
}

// problems returns everything that is wrong with s.
func (s Stage) problems() fault.Problems {
	var c checker
	c.name("stage", s.Name)
	c.match(accountNumber, "account", s.Account)
	c.match(regionName, "region", s.Region)
	if s.Architecture != ARM64 && s.Architecture != X8664 {
		c.add("architecture", fmt.Sprintf("is %q", s.Architecture), `write "arm64", "x86_64", or "host" for functions that run on this machine`)
	}
	if !slices.Contains(logDays, s.LogDays) {
		c.add("logRetentionDays", fmt.Sprintf("is %d, which CloudWatch does not take", s.LogDays), "use one of "+strings.Trim(fmt.Sprint(logDays), "[]"))
	}
	c.problems = append(c.problems, settings.Timings(s.Timings).Problems()...)
	c.matchAll(deployerARN, "deployers", s.Deployers)
	if s.Key != "" {
		c.match(keyARN, "kmsKey", s.Key)
	}
	s.checkAlarmTopics(&c)
	s.checkWarehouses(&c)
	s.checkConsumers(&c)
	s.checkFederation(&c)
	if len(c.problems) == 0 {
		s.checkEnvironments(&c) // of what is otherwise right: a problem in the document explains a size
	}
	return c.problems
}

func (s Stage) checkAlarmTopics(c *checker) {
	c.matchAll(topicARN, "alarmTopics", s.AlarmTopics)
	if n := len(s.AlarmTopics); n > maxTopics {
		c.add("alarmTopics", fmt.Sprintf("has %d", n), fmt.Sprintf("name at most %d", maxTopics))
	}
	for i, topic := range s.AlarmTopics {
		if fields := strings.Split(topic, ":"); len(fields) == 6 && fields[3] != s.Region {
			c.add(index("alarmTopics", i), "is in region "+fields[3], "use a topic of "+s.Region+", where the alarms are")
		}
	}
}

func (s Stage) checkWarehouses(c *checker) {
	if len(s.Warehouses) == 0 && len(s.Consumers) > 0 {
		c.add("warehouses", "is empty", "declare at least one warehouse")
	}
	if n := len(s.Warehouses); n > maxWarehouses {
		c.add("warehouses", fmt.Sprintf("has %d, of at most %d a stage", n, maxWarehouses), "split them into several stages")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Warehouses)) {
		path, w := "warehouses."+name, s.Warehouses[name]
		c.name(path, name)
		if w.Cluster != "" {
			c.match(clusterName, path+".cluster", w.Cluster)
		}
		c.problems = append(c.problems, w.declared(name).Problems().Under(path+".")...)
		if w.Network != nil {
			c.network(path+".network", *w.Network)
		}
		c.matchAll(principalARN, path+".allow.readers", w.Allow.Readers)
		for i, reader := range w.Allow.Readers {
			s.checkReaderAccount(c, index(path+".allow.readers", i), reader)
		}
	}
}

// checkReaderAccount refuses what Secrets Manager stores and then denies: AWS's own key serves one account alone.
//
// Source: AWS Secrets Manager User Guide, "Access secrets from a different account".
func (s Stage) checkReaderAccount(c *checker, where, reader string) {
	if fields := strings.Split(reader, ":"); len(fields) == 6 && fields[4] != s.Account && s.Key == "" {
		c.add(where, "is in account "+fields[4]+", which cannot decrypt with the key of "+s.Account, "set kmsKey to a key that lets it decrypt, or use a principal of this account")
	}
}

func (c *checker) between(where string, n, most int) {
	if n < 1 || n > most {
		c.add(where, fmt.Sprintf("has %d", n), fmt.Sprintf("name 1 to %d", most))
	}
}

func (c *checker) network(path string, n Network) {
	c.between(path+".subnets", len(n.Subnets), maxSubnets)
	c.matchAll(subnetID, path+".subnets", n.Subnets)
	c.between(path+".securityGroups", len(n.SecurityGroups), maxSecurityGroups)
	c.matchAll(groupID, path+".securityGroups", n.SecurityGroups)
}

func (s Stage) checkConsumers(c *checker) {
	if len(s.Consumers) == 0 && s.Federation == nil {
		c.add("consumers", "is empty, and there is no federation", "declare at least one consumer, or a federation")
	}
	if n := len(s.Consumers); n > MaxConsumers {
		c.add("consumers", fmt.Sprintf("has %d, and a stack has room for %d", n, MaxConsumers),
			"split them into several stages; a later version also takes consumers as events (Consumer Requested), without this limit")
	}
	for _, name := range s.ConsumerNames() {
		s.checkConsumer(c, "consumers."+name, name)
	}
}

func (s Stage) checkConsumer(c *checker, path, name string) {
	consumer := s.Consumers[name]
	c.name(path, name)
	c.matchAll(principalARN, path+".readers", consumer.Readers)
	w, declared := s.Warehouses[consumer.Warehouse]
	if !declared {
		names := cmp.Or(strings.Join(slices.Sorted(maps.Keys(s.Warehouses)), ", "), "nothing (there is none)")
		c.add(path+".warehouse", fmt.Sprintf("%q is not declared", consumer.Warehouse), "use "+names+", or declare it under warehouses")
		return
	}
	c.problems = append(c.problems, w.declared(consumer.Warehouse).Check(consumer.login()).Under(path+".")...)
	for i, reader := range consumer.Readers {
		if !slices.Contains(w.Allow.Readers, reader) {
			c.add(index(path+".readers", i), fmt.Sprintf("%q is not allowed in warehouse %s", reader, consumer.Warehouse), "add it to the warehouse's allow.readers")
		}
	}
	if n := len(s.Consumer(name).Tags()[settings.TagGroups]); n > maxTag {
		c.add(path+".groups", fmt.Sprintf("have %d characters with the colons between them, and the tag of a secret that holds them has room for %d", n, maxTag), "name fewer groups")
	}
}

// checkEnvironments refuses what Lambda would at deployment.
func (s Stage) checkEnvironments(c *checker) {
	for _, name := range s.WarehousesInUse() {
		if n := size(s.Rotate(name).Env()); n > settings.MaxEnvironment {
			c.add("warehouses."+name+".allow", fmt.Sprintf("makes an environment of %d bytes, and Lambda gives a function %d", n, settings.MaxEnvironment), "use patterns of users, or split the warehouse")
		}
	}
	if n := size(s.Refresh().Env()); n > settings.MaxEnvironment {
		c.add("warehouses", fmt.Sprintf("make an environment of %d bytes, and Lambda gives a function %d", n, settings.MaxEnvironment), "split them into several stages")
	}
	if s.Federation != nil {
		if n := size(s.Provision().Env()); n > settings.MaxEnvironment {
			c.add("federation", fmt.Sprintf("makes an environment of %d bytes, and Lambda gives a function %d", n, settings.MaxEnvironment), "use patterns of sources and grantees, or split it into several stages")
		}
	}
}

func size(env map[string]string) int {
	n := 0
	for name, value := range env {
		n += len(name) + len(value)
	}
	return n
}
