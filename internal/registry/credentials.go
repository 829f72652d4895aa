package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
)

// The environment variables that [FromEnvironment] reads. The names without
// FILE are those of Confluent's tools.
const (
	EnvURL           = "SCHEMA_REGISTRY_URL"
	EnvBasicAuth     = "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO"
	EnvBasicAuthFile = "SCHEMA_REGISTRY_BASIC_AUTH_FILE"
	EnvToken         = "SCHEMA_REGISTRY_BEARER_TOKEN"
	EnvTokenFile     = "SCHEMA_REGISTRY_BEARER_TOKEN_FILE"
	EnvCA            = "SCHEMA_REGISTRY_CA_FILE"
	EnvCert          = "SCHEMA_REGISTRY_CERT_FILE"
	EnvKey           = "SCHEMA_REGISTRY_KEY_FILE"
)

// FromEnvironment reads a configuration: addresses, separated by commas, from
// urls or else the environment, secrets from the environment and the files that
// it names. Credentials of the environment belong to the address of the
// environment: with other urls they are not used. warn is told of secrets that
// others can read. No error holds a secret.
func FromEnvironment(urls string, getenv func(string) string, warn func(string)) (Config, error) {
	var cfg Config
	fromEnv := getenv(EnvURL)
	if urls == "" {
		urls = fromEnv
	}
	for u := range strings.SplitSeq(urls, ",") {
		if u = strings.TrimSpace(u); u != "" {
			cfg.URLs = append(cfg.URLs, u)
		}
	}
	for _, f := range []struct {
		name string
		into *[]byte
		warn func(string)
	}{{EnvCA, &cfg.CA, nil}, {EnvCert, &cfg.ClientCert, nil}, {EnvKey, &cfg.ClientKey, warn}} {
		if err := readFile(getenv, f.name, f.into, f.warn); err != nil {
			return cfg, err
		}
	}
	if fromEnv != "" && urls != fromEnv {
		return cfg, nil
	}
	var err error
	if cfg.BasicAuth, err = secret(getenv, EnvBasicAuth, EnvBasicAuthFile, warn); err != nil {
		return cfg, err
	}
	cfg.BearerToken, err = secret(getenv, EnvToken, EnvTokenFile, warn)
	return cfg, err
}

func readFile(getenv func(string) string, name string, into *[]byte, warn func(string)) error {
	path := getenv(name)
	if path == "" {
		return nil
	}
	body, err := secretfile.Read(path, warn)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*into = body
	return nil
}

func secret(getenv func(string) string, name, fileName string, warn func(string)) (string, error) {
	value := getenv(name)
	var body []byte
	if err := readFile(getenv, fileName, &body, warn); err != nil || body == nil {
		return value, err
	}
	if value != "" {
		return "", fmt.Errorf("%s and %s exclude each other", name, fileName)
	}
	return strings.TrimRight(string(body), "\r\n"), nil
}

func readRoots(pem []byte) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("schema registry: CA file holds no certificate in PEM")
	}
	return roots, nil
}
