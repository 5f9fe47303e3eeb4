package sourcelogin

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// adminLogin reads the secret of the admin. A password is sent to no source but the one that its secret names, if it names one.
func (k *Keeper) adminLogin(ctx context.Context, r source.Request) (source.Credential, error) {
	login, err := k.Secrets.Read(ctx, r.Admin)
	if err != nil {
		return source.Credential{}, err
	}
	refused := func(cause error, fix string) (source.Credential, error) {
		return source.Credential{}, &fault.Error{Kind: fault.Blocked, Reason: source.SecretUnreadable, Op: "read secret", Subject: r.Admin, Err: cause, Fix: fix}
	}
	switch login.Engine {
	case "", source.Postgres, source.AuroraPostgres:
	default:
		return refused(fmt.Errorf("it is for the engine %q", login.Engine), "name the secret of an admin of this source, whose engine is PostgreSQL")
	}
	if r.Instance != "" && login.Instance != "" {
		if !strings.EqualFold(r.Instance, login.Instance) {
			return refused(fmt.Errorf("it is for the instance %q, and not for %q", login.Instance, r.Instance), "name the secret of an admin of this source, or correct dbInstanceIdentifier in it")
		}
		return login, nil // whatever name its host has
	}
	if login.Host != "" && place(login.Host) != place(r.Endpoint.Host) {
		return refused(fmt.Errorf("it is for the host %q, and not for %q", login.Host, r.Endpoint.Host), "name the secret of an admin of this source, or correct host or dbInstanceIdentifier in it")
	}
	if r.Instance == "" && login.Host != "" && login.Port != 0 && login.Port != r.Endpoint.Port {
		return refused(fmt.Errorf("it is for port %d of the host, and not for %d", login.Port, r.Endpoint.Port), "name the secret of an admin of this source, or correct port in it")
	}
	return login, nil
}

// place is a host as it is compared.
func place(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
