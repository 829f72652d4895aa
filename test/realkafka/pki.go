package realkafka

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// StorePassword protects every PKCS12 file that the harness writes.
const StorePassword = "store-secret"

// PKI is a certificate authority made for one cluster, and the files that it
// has signed. All lie in one directory and are removed with it.
type PKI struct {
	CA         string // PEM, the certificate to trust
	TrustStore string // the same as PKCS12
	OtherCA    string // PEM of an authority that has signed nothing here

	Server Identity // for localhost and 127.0.0.1
	Client Identity // subject CN=client, for mutual TLS
	Stray  Identity // subject CN=stray, signed by OtherCA
}

// Identity is a key pair with its certificate in the forms that clients read.
type Identity struct {
	Cert     string // PEM
	Key      string // PEM, PKCS #8, not encrypted
	PEM      string // key and certificate in one file, as ssl.keystore.location takes it
	KeyStore string // PKCS12
}

type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// newPKI makes the authorities and certificates below dir.
func newPKI(dir string) (*PKI, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ca, err := newAuthority("manage-kafka test CA")
	if err != nil {
		return nil, err
	}
	other, err := newAuthority("some other CA")
	if err != nil {
		return nil, err
	}
	p := &PKI{
		CA:         filepath.Join(dir, "ca.pem"),
		TrustStore: filepath.Join(dir, "truststore.p12"),
		OtherCA:    filepath.Join(dir, "other-ca.pem"),
	}
	if err := writePEM(p.CA, 0o644, "CERTIFICATE", ca.cert.Raw); err != nil {
		return nil, err
	}
	if err := writePEM(p.OtherCA, 0o644, "CERTIFICATE", other.cert.Raw); err != nil {
		return nil, err
	}
	store, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{ca.cert}, StorePassword)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.TrustStore, store, 0o644); err != nil {
		return nil, err
	}
	if p.Server, err = ca.issue(dir, "server"); err != nil {
		return nil, err
	}
	if p.Client, err = ca.issue(dir, "client"); err != nil {
		return nil, err
	}
	p.Stray, err = other.issue(dir, "stray")
	return p, err
}

func newAuthority(name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

// issue writes a key and a certificate with the common name below dir.
func (a authority) issue(dir, name string) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Identity{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return Identity{}, err
	}
	return a.write(filepath.Join(dir, name), cert, key)
}

func (a authority) write(prefix string, cert *x509.Certificate, key crypto.Signer) (Identity, error) {
	id := Identity{Cert: prefix + ".pem", Key: prefix + ".key", PEM: prefix + "-keystore.pem", KeyStore: prefix + ".p12"}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return id, err
	}
	if err := writePEM(id.Cert, 0o644, "CERTIFICATE", cert.Raw); err != nil {
		return id, err
	}
	if err := writePEM(id.Key, 0o600, "PRIVATE KEY", pkcs8); err != nil {
		return id, err
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	if err := os.WriteFile(id.PEM, both, 0o600); err != nil {
		return id, err
	}
	store, err := pkcs12.Modern.Encode(key, cert, []*x509.Certificate{a.cert}, StorePassword)
	if err != nil {
		return id, err
	}
	return id, os.WriteFile(id.KeyStore, store, 0o600)
}

func writePEM(path string, mode os.FileMode, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
