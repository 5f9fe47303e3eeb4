package houserules_test

// A scenario is one way in which making, keeping or removing a federation can go wrong, and what Sluice does about it.
// A test shows it if a line of its comment, or of a comment on one of its cases, begins with "Scenario" and the number.
type scenario struct {
	number       int
	goes, sluice string // what goes wrong, and what Sluice does
}

var scenarios = []scenario{
	{1, "An event comes twice within seconds", "The second finds the claim and is dropped; a later copy changes nothing"},
	{2, "The creation of a database is told after its deletion", "What RDS shows counts: nothing is made for a database that is gone"},
	{3, "An event never comes", "The sweep finds the tagged instance within one period and counts it as missed"},
	{4, "The run dies after the secret and before the role", "The next run knows its secret by the tags, keeps its value and goes on"},
	{5, "The run dies after the role and before it is attached", "The next run finds the role by name and tags, compares trust and policy, and attaches it"},
	{6, "The run dies after a statement began and before its number was stored", "The same client token gives the same statement; where it has expired, the schema itself is looked at"},
	{7, "The function's time is over while the cluster attaches the role", "Nothing is held meanwhile: a follow-up goes on, and the role is not attached a second time"},
	{8, "Sluice's own secret is in its recovery window", "It is restored, with the same ARN: policy and schema stay as they are"},
	{9, "The name of the secret belongs to somebody else", "Blocked, with its owner named; nothing of it is touched"},
	{10, "RDS is rotating its managed secret, or cannot any more", "Rotating: it waits. Impaired: it is used, with a condition. Its value is never written"},
	{11, "The secret that others own is deleted", "Blocked; the schema stays, and all goes on once the secret is restored"},
	{12, "A secret was made anew and has another ARN", "The policy follows first, then the schema is made anew with the grants it had; what depends on it blocks, by name"},
	{13, "The cluster is paused", "Parked without alarms or retries; it goes on once the cluster is back"},
	{14, "The cluster is resizing, being changed or in maintenance", "Waits by the cluster's status for as long as that lasts, without using up redeliveries"},
	{15, "The cluster was deleted", "SQL and attachment are left out; role, login, secret and rule are removed"},
	{16, "The cluster has all the roles it takes", "Counted before anything is made: blocked with the numbers, and no role is left half made"},
	{17, "A new role cannot be assumed yet", "Tried again for five minutes after IAM last changed; then it is blocked as wrongly configured"},
	{18, "The name of the role belongs to somebody else", "Blocked, with that role named; it gets no policy of Sluice's"},
	{19, "Trust or policy of the role was changed by hand", "Put right, with what was there before in the log"},
	{20, "The role was detached by hand", "Attached again; roles of others stay as they are"},
	{21, "Several federations change the roles of one cluster at once", "One change at a time for up to ten roles: in the end all are attached, and no foreign one is lost"},
	{22, "The schema is there already, as wanted", "Taken over if it reads with Sluice's role: no statement that defines anything"},
	{23, "The schema is there with another definition", "Sluice's own is made anew with its grants; anybody else's, or a local one, blocks"},
	{24, "The source refuses the password", "Tried again a few times, at growing distances; then blocked with that one cause"},
	{25, "The source's security group lets nobody in", "A rule is added only where a tag allows it; otherwise the message names network and port"},
	{26, "Enhanced VPC routing without a way to Secrets Manager", "A warning beforehand, and a message that names the missing endpoint"},
	{27, "The KMS key refuses, is disabled or is being deleted", "The message names the key and its state; key policies are left to their owners"},
	{28, "An Aurora cluster fails over, or an endpoint is renamed", "A cluster's endpoint needs nothing; where the host changes, the schema is made anew with it"},
	{29, "The database is created but not available, or has no endpoint", "Waits for it, and is looked at again by itself"},
	{30, "Withdrawn while it is being provisioned", "The run sees the newer generation at its next step, stops, and takes down what there is"},
	{31, "Something in the warehouse depends on the schema", "Blocked with their names; schema and role stay, so that queries still work"},
	{32, "The schema was dropped, and the role cannot be detached", "The state knows the step: it goes on from there and makes nothing anew"},
	{33, "A role is used by several sources", "A role is for one source alone; a shared one stays for as long as any schema names it"},
	{34, "The Data API throttles, or too many statements run", "Tried again at growing distances; other clusters notice nothing"},
	{35, "A statement fails on its syntax", "Not tried again: the message goes to the dead letters with the reason"},
	{36, "A message that can never succeed is in a batch", "It alone goes to the dead letters; the others are handled, and sluice redrive brings it back"},
	{37, "The cluster was restored from a snapshot: schemas without roles", "The sweep attaches the role, and nothing else changes"},
	{38, "A database was deleted, and another made under its name", "The old federation comes down, then a new one is made with a login of its own"},
	{39, "An event is older than what is already wanted", "A reason to look, and no more"},
	{40, "The table with the state was lost", "What is requested again takes over what it finds by names and tags; nothing exists twice"},
}
