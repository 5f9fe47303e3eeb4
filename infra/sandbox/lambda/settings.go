package lambda

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Defaults and limits: AWS Lambda API Reference, CreateFunction.
const (
	defaultTimeout = 3   // seconds
	maxTimeout     = 900 // seconds
	defaultMemory  = 128 // MB
	maxMemory      = 10240
	maxVariables   = 4 << 10 // bytes of all names and values together
)

// settings are what a deployment says about a function, as its members stand on the wire.
type settings struct {
	Role             string
	Runtime          string
	Handler          string
	Description      string
	Timeout          int // seconds
	MemorySize       int // MB
	Environment      *environmentVariables
	Architectures    []string
	PackageType      string
	EphemeralStorage ephemeralStorage
	TracingConfig    tracing
	VpcConfig        *network // kept and shown; processes see the machine's network
	LoggingConfig    logging

	folder string // holds bootstrap
	size   int64  // of bootstrap, bytes
	sum    string // SHA-256 of bootstrap, base64
}

type environmentVariables struct {
	Variables map[string]string
}

type ephemeralStorage struct {
	Size int // MB
}

type tracing struct {
	Mode string
}

type network struct {
	SubnetIds               []string
	SecurityGroupIds        []string
	Ipv6AllowedForDualStack bool `json:",omitempty"`
}

type logging struct {
	LogFormat           string
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
	LogGroup            string
}

func (s settings) timeout() time.Duration { return time.Duration(s.Timeout) * time.Second }

func (s settings) variables() map[string]string {
	if s.Environment == nil {
		return nil
	}
	return s.Environment.Variables
}

// A change is a set of new settings; nil leaves the old one.
type change struct {
	Role             *string
	Runtime          *string
	Handler          *string
	Description      *string
	Timeout          *int
	MemorySize       *int
	Environment      *environmentVariables
	EphemeralStorage *ephemeralStorage
	TracingConfig    *tracing
	VpcConfig        *network
	LoggingConfig    *logging
}

// apply returns s with c, complete and checked.
func (s settings) apply(name string, c change) (settings, error) {
	set(&s.Role, c.Role)
	set(&s.Runtime, c.Runtime)
	set(&s.Handler, c.Handler)
	set(&s.Description, c.Description)
	set(&s.Timeout, c.Timeout)
	set(&s.MemorySize, c.MemorySize)
	set(&s.EphemeralStorage, c.EphemeralStorage)
	set(&s.TracingConfig, c.TracingConfig)
	set(&s.LoggingConfig, c.LoggingConfig)
	if c.Environment != nil {
		s.Environment = &environmentVariables{Variables: maps.Clone(c.Environment.Variables)}
	}
	if c.VpcConfig != nil {
		s.VpcConfig = c.VpcConfig
	}
	if s.LoggingConfig.LogGroup == "" {
		s.LoggingConfig.LogGroup = "/aws/lambda/" + name
	}
	if s.LoggingConfig.LogFormat == "" {
		s.LoggingConfig.LogFormat = "Text"
	}
	if s.LoggingConfig.LogFormat == "JSON" && s.LoggingConfig.ApplicationLogLevel == "" {
		s.LoggingConfig.ApplicationLogLevel = "INFO"
	}
	return s, s.check()
}

func set[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}

var rolePattern = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/.+$`)

func (s settings) check() error {
	switch {
	case !rolePattern.MatchString(s.Role):
		return refuse("Role %q is not the ARN of a role", s.Role)
	case !strings.HasPrefix(s.Runtime, "provided."):
		return refuse("Runtime %q: the sandbox runs provided.al2023 and other provided runtimes only", s.Runtime)
	case s.PackageType != "Zip":
		return refuse("PackageType %q: the sandbox has Zip only", s.PackageType)
	case s.Timeout < 1 || s.Timeout > maxTimeout:
		return refuse("Timeout is %d; it has to be between 1 and %d seconds", s.Timeout, maxTimeout)
	case s.MemorySize < defaultMemory || s.MemorySize > maxMemory:
		return refuse("MemorySize is %d; it has to be between %d and %d MB", s.MemorySize, defaultMemory, maxMemory)
	case len(s.Architectures) != 1 || s.Architectures[0] != "x86_64" && s.Architectures[0] != "arm64":
		return refuse("Architectures is %q; it has to be one of x86_64 and arm64", s.Architectures)
	case s.LoggingConfig.LogFormat != "JSON" && s.LoggingConfig.LogFormat != "Text":
		return refuse("LoggingConfig.LogFormat is %q; it has to be JSON or Text", s.LoggingConfig.LogFormat)
	case s.LoggingConfig.LogFormat == "Text" && s.LoggingConfig.ApplicationLogLevel+s.LoggingConfig.SystemLogLevel != "":
		return refuse("LoggingConfig: levels need LogFormat JSON")
	}
	return checkVariables(s.variables())
}

// reserved are the variables that Lambda sets itself.
// Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
var reserved = []string{
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
}

var variablePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)

func checkVariables(variables map[string]string) error {
	size := 0
	var taken []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		size += len(name) + len(variables[name])
		if slices.Contains(reserved, name) {
			taken = append(taken, name)
		} else if !variablePattern.MatchString(name) {
			return refuse("Environment: %q is not a name of a variable", name)
		}
	}
	if len(taken) > 0 {
		return refuse("Environment: Lambda sets these variables itself: %s", strings.Join(taken, ", "))
	}
	if size > maxVariables {
		return refuse("Environment: the variables take %d bytes; at most %d are allowed", size, maxVariables)
	}
	return nil
}

// code is what a deployment gives as a function's code.
type code struct {
	SandboxFolder string
	ZipFile       []byte
	S3Bucket      string
	S3Key         string
	ImageUri      string
}

// load looks at the code in a folder.
func (s *settings) load(c code) error {
	if c.SandboxFolder == "" {
		return refuse("the sandbox does not unpack archives: give SandboxFolder, the path of a folder with an executable named bootstrap")
	}
	folder, err := filepath.Abs(c.SandboxFolder)
	if err != nil {
		return refuse("code in %s: %v", c.SandboxFolder, err)
	}
	file := filepath.Join(folder, "bootstrap")
	info, err := os.Stat(file)
	if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		err = errors.New("it is not an executable file")
	}
	if err != nil {
		return refuse("code in %s: bootstrap: %v", c.SandboxFolder, err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return refuse("code in %s: %v", c.SandboxFolder, err)
	}
	sum := sha256.Sum256(content)
	s.folder, s.size, s.sum = folder, info.Size(), base64.StdEncoding.EncodeToString(sum[:])
	return nil
}
