package resolve_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// offered are values to choose from, of each property some that make sense and some that do not.
var offered = func() map[property.Name][]string {
	all := map[property.Name][]string{
		property.Host:   {clusterHost, strings.ToUpper(clusterHost), serverlessHost, oldServerless, managedHost, customHost, privateHost, clusterHost + ".evil.example", "127.0.0.1", "c1"},
		property.UID:    {"w", "*", "IAM:u"},
		property.DbUser: {"u", "U", "public"}, property.DbGroups: {"b,a,b", "B,a", "table"}, property.AuthType: {"Static", "Profile", "Plugin", "?"},
		property.SSLMode: {"verify-full", "verify-ca", "require"}, property.SSL: {"1", "0"}, property.IAM: {"1", "1", "1", "0", "maybe"},
		property.ClusterID: {"c1", "redshift-serverless-wg", "C1"}, property.Duration: {"900", "3600", "0"}, property.Port: {"5439", "0", "-1"},
		property.Serverless: {"1", "0"}, property.InstanceProfile: {"1", "0"}, property.Region: {"us-west-2", "US-EAST-1", "r", "us east"},
		property.SecretID: {"app", "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-AbCdEf", "a*"}, property.ConnectTimeout: {"5", "0"},
	}
	for name, text := range example {
		all[name] = append(all[name], text)
	}
	return all
}()

// FuzzResolve asks for settings of one of the ways to log in and further properties, which it chooses by the seed: more of them with a
// larger share. What each says comes from the table above, or is other.
func FuzzResolve(f *testing.F) {
	for seed := range uint64(2000) {
		f.Add(seed, uint8(seed%16), "x")
	}
	bases := slices.Sorted(maps.Keys(ways))
	names := slices.Sorted(maps.Keys(offered))
	f.Fuzz(func(t *testing.T, seed uint64, share uint8, other string) {
		random := rand.New(rand.NewPCG(seed, 7))
		choose := func(given m, profile bool) m {
			for _, name := range names {
				if random.IntN(128) >= int(share%32) {
					continue
				}
				text := offered[name][random.IntN(len(offered[name]))]
				if random.IntN(40) == 0 {
					text = other
				}
				secret := slices.Contains([]property.Name{property.PWD, property.AccessKeyID, property.SecretAccessKey, property.SessionToken, property.AuthProfile}, name)
				if !profile || !secret {
					given[string(name)] = text
				}
			}
			return given
		}
		in := resolve.Input{Unread: random.IntN(4) == 0, Unconfigured: random.IntN(4) == 0}
		var err error
		if in.Explicit, err = property.FromMap(choose(merged(ways[bases[random.IntN(len(bases))]]), false)); err != nil {
			return
		}
		if random.IntN(2) == 0 {
			if in.AuthProfile, err = property.FromMap(choose(m{}, true)); err != nil {
				return
			}
		}
		if random.IntN(2) == 0 {
			in.Region, in.RegionFrom = "eu-west-1", resolve.FromEnvironment
		}
		s, notices, err := resolve.Resolve(in)
		again, more, repeated := resolve.Resolve(in)
		if fmt.Sprint(s.Values, notices, err) != fmt.Sprint(again.Values, more, repeated) {
			t.Errorf("two answers to one question: %v, %v, %v; %v, %v, %v", s.Values, notices, err, again.Values, more, repeated)
		}
		if _, reads := resolve.ReadingOf(in.Explicit); reads != given(in.Explicit, property.AuthProfile) {
			t.Errorf("reads is %t", reads)
		}
		if err != nil {
			if _, ok := errors.AsType[fault.Problems](err); !ok || !slices.Equal(fields(s), fields(resolve.Settings{})) {
				t.Errorf("%T, %+v", err, s)
			}
			return
		}
		for _, broken := range broken(in, s) {
			t.Errorf("%s: %q of %v and %v", broken, fields(s), in.Explicit, in.AuthProfile)
		}
	})
}

func given(set property.Set, name property.Name) bool {
	_, ok := set.Get(name)
	return ok
}

// broken are the promises that settings break.
func broken(in resolve.Input, s resolve.Settings) (all []string) {
	must := func(holds bool, promise string) {
		if !holds {
			all = append(all, promise)
		}
	}
	named := 0
	for _, one := range []string{s.Cluster, s.Workgroup, s.CustomDomain} {
		if one != "" {
			named++
		}
	}
	byIAM := slices.Contains([]resolve.Login{resolve.GetClusterCredentials, resolve.GetClusterCredentialsWithIAM, resolve.GetCredentials}, s.Login)
	known := !in.Unread
	must(byIAM || s.Login == resolve.ConsumerSecret || s.Login == resolve.Password, "there is a way to log in")
	must(s.SSLMode == resolve.VerifyFull || s.SSLMode == resolve.VerifyCA && given(in.Explicit, property.SSLMode), "certificates are checked as the program allows")
	must(named == 1 || named == 0 && (!byIAM || !known), "one warehouse is named")
	must(s.Workgroup == "" || s.Login == resolve.GetCredentials, "workgroups have a call of their own")
	must(s.Cluster == "" || s.Login != resolve.GetCredentials, "clusters have calls of their own")
	must(!s.GuessedDomain || s.CustomDomain != "" && s.Login != resolve.GetCredentials, "domains of clusters alone are guessed")
	must((s.DbUser != "") == (s.Login == resolve.GetClusterCredentials) || s.DbUser == "" && !known, "GetClusterCredentials has a user")
	must(s.DbUser != "*" && !strings.Contains(s.DbUser, "*"), "a star is no user")
	must(s.Duration == 0 || byIAM && s.Duration >= 15*time.Minute && s.Duration <= time.Hour, "the duration is one that AWS takes")
	must(slices.IsSorted(s.DbGroups) && len(slices.Compact(slices.Clone(s.DbGroups))) == len(s.DbGroups), "groups are in order, each once")
	must(strings.ToLower(strings.Join(s.DbGroups, ",")) == strings.Join(s.DbGroups, ","), "groups are in lower case")
	must(s.Port >= 0 && s.Port <= 65535 && (s.Port != 0 || s.Host == "" || s.Login == resolve.ConsumerSecret), "there is a port where there is a host")
	must(s.Region != "" || s.Login == resolve.Password || in.Unconfigured || !known, "AWS is asked somewhere")
	must(s.Database != "" || s.Login == resolve.ConsumerSecret, "there is a database")
	must(s.ConnectTimeout > 0 && s.ApplicationName != "", "defaults are filled in")
	must(!slices.ContainsFunc(s.Values, func(v resolve.Value) bool { return v.Text == "" || v.From == "" }), "what is shown says something, and where it is from")
	c := s.AWS
	must((c.Kind == "") == (s.Login == resolve.Password), "AWS is asked by somebody")
	must((c.Kind == resolve.Static) == (c.AccessKeyID != "") && (c.AccessKeyID == "") == c.SecretAccessKey.IsZero(), "static credentials are a whole key")
	must(c.SessionToken.IsZero() || c.AccessKeyID != "", "a token is a key's")
	must((c.Kind == resolve.Profile) == (c.Profile != ""), "a profile has a name")
	must(c.RoleARN != "" || !known || c.ExternalID == "" && c.SessionName == "", "an external id is a role's")
	must(s.Password.IsZero() || s.Login == resolve.Password, "a password is no AWS login's")
	must(s.Login != resolve.Password || s.Plan() == nil && s.Endpoint == "", "a password takes no call")
	must(s.Login == resolve.Password || len(s.Plan()) > 0 && len(s.Policy())+1 >= len(s.Plan()), "each call is allowed")
	return all
}
