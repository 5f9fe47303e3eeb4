package federation

// SamePolicy is samePolicy, for tests.
var SamePolicy = samePolicy
