package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/multi-tenant/manage-kafka/internal/secretfile"
)

// readTLS makes the TLS configuration from the ssl.* properties. Its errors
// hold names and files, never a password or key.
func readTLS(props map[string]string, warn func(string)) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if err := tlsVersions(conf, props); err != nil {
		return nil, err
	}
	roots, err := trustedCertificates(props)
	if err != nil {
		return nil, err
	}
	if roots != nil {
		conf.RootCAs = x509.NewCertPool()
		for _, cert := range roots {
			conf.RootCAs.AddCert(cert)
		}
	}
	cert, err := clientCertificate(props, warn)
	if err != nil {
		return nil, err
	}
	if cert != nil {
		conf.Certificates = []tls.Certificate{*cert}
	}
	algorithm, set := props[propEndpointAlgorithm]
	switch {
	case !set || strings.EqualFold(algorithm, "https"):
	case algorithm == "":
		verifyChainOnly(conf)
	default:
		return nil, fmt.Errorf("%s %q: want https, or nothing to leave the host name unchecked", propEndpointAlgorithm, algorithm)
	}
	return conf, nil
}

// verifyChainOnly checks the certificate but not whose it is, as an empty
// ssl.endpoint.identification.algorithm asks for.
func verifyChainOnly(conf *tls.Config) {
	conf.InsecureSkipVerify = true // replaced by VerifyConnection
	roots := conf.RootCAs
	conf.VerifyConnection = func(state tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, cert := range state.PeerCertificates[1:] {
			between.AddCert(cert)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}

func tlsVersions(conf *tls.Config, props map[string]string) error {
	from := propTLSProtocols
	list := props[from]
	if list == "" {
		from = propTLSProtocol
		list = props[from]
	}
	if list == "" {
		return nil
	}
	conf.MinVersion, conf.MaxVersion = tls.VersionTLS13, tls.VersionTLS12
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case "TLSv1.2":
			conf.MinVersion = tls.VersionTLS12
		case "TLSv1.3", "TLS":
			conf.MaxVersion = tls.VersionTLS13
		default:
			return fmt.Errorf("%s %q: want TLSv1.2 and TLSv1.3", from, strings.TrimSpace(name))
		}
	}
	if conf.MinVersion > conf.MaxVersion {
		conf.MinVersion = conf.MaxVersion
	}
	return nil
}

// trustedCertificates is nil when the system's own are to be used. A trust
// store holds no secret, so nothing is said about who can read it.
func trustedCertificates(props map[string]string) ([]*x509.Certificate, error) {
	location, inline := props[propTruststore], props[propTruststoreCerts]
	switch {
	case location != "" && inline != "":
		return nil, fmt.Errorf("%s and %s are both set; keep one", propTruststore, propTruststoreCerts)
	case inline != "":
		certs, err := pemCertificates([]byte(inline))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", propTruststoreCerts, err)
		}
		return certs, nil
	case location == "":
		return nil, nil
	}
	body, err := secretfile.Read(location, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", propTruststore, err)
	}
	kind, err := storeKind(body, props[propTruststoreType])
	if err == nil {
		var certs []*x509.Certificate
		if kind == storePEM {
			certs, err = pemCertificates(body)
		} else {
			certs, err = pkcs12Certificates(body, props[propTruststorePass])
		}
		if err == nil {
			return certs, nil
		}
	}
	return nil, fmt.Errorf("%s %s: %w", propTruststore, location, err)
}

// pkcs12Certificates reads a trust store as keytool writes it, or the
// certificates of a key store.
func pkcs12Certificates(body []byte, password string) ([]*x509.Certificate, error) {
	certs, err := pkcs12.DecodeTrustStore(body, password)
	if err == nil && len(certs) > 0 {
		return certs, nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, fmt.Errorf("wrong password (%s)", propTruststorePass)
	}
	if _, cert, chain, chainErr := pkcs12.DecodeChain(body, password); chainErr == nil {
		return append(chain, cert), nil
	}
	if err == nil {
		return nil, errors.New("holds no certificate")
	}
	// openssl pkcs12 makes such a store, and Java finds no certificate in it either.
	return nil, fmt.Errorf("%w; make it with keytool -importcert, or name the PEM file", err)
}

// clientCertificate is nil when no key store is named.
func clientCertificate(props map[string]string, warn func(string)) (*tls.Certificate, error) {
	location, key, chain := props[propKeystore], props[propKeystoreKey], props[propKeystoreChain]
	switch {
	case location == "" && key == "" && chain == "":
		return nil, nil
	case location != "" && (key != "" || chain != ""):
		return nil, fmt.Errorf("%s and %s are both set; keep one", propKeystore, propKeystoreKey)
	case location == "" && (key == "" || chain == ""):
		return nil, fmt.Errorf("%s and %s go together", propKeystoreKey, propKeystoreChain)
	case location == "":
		cert, err := pemKeyPair([]byte(chain), []byte(key), props[propKeyPass])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", propKeystoreKey, err)
		}
		return cert, nil
	}
	body, err := secretfile.Read(location, warn)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", propKeystore, err)
	}
	kind, err := storeKind(body, props[propKeystoreType])
	if err == nil {
		var cert *tls.Certificate
		if kind == storePEM {
			cert, err = pemKeyPair(body, body, props[propKeyPass])
		} else {
			cert, err = pkcs12KeyPair(body, props[propKeystorePass])
		}
		if err == nil {
			return cert, nil
		}
	}
	return nil, fmt.Errorf("%s %s: %w", propKeystore, location, err)
}

func pkcs12KeyPair(body []byte, password string) (*tls.Certificate, error) {
	key, leaf, chain, err := pkcs12.DecodeChain(body, password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, fmt.Errorf("wrong password (%s)", propKeystorePass)
	}
	if err != nil {
		return nil, err
	}
	cert := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, c := range chain {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert, nil
}

// pemKeyPair joins a certificate chain and a private key, which may be
// encrypted PKCS #8, as Kafka has it (KIP-651).
func pemKeyPair(chain, key []byte, password string) (*tls.Certificate, error) {
	for block, rest := pem.Decode(key); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" && password == "":
			return nil, fmt.Errorf("private key is encrypted; set %s", propKeyPass)
		case block.Type == "ENCRYPTED PRIVATE KEY":
			parsed, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password))
			if err != nil {
				return nil, fmt.Errorf("private key: wrong password (%s), or an encryption this client does not know", propKeyPass)
			}
			der, err := x509.MarshalPKCS8PrivateKey(parsed)
			if err != nil {
				return nil, errors.New("private key: unknown kind")
			}
			key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		case strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Headers["DEK-Info"] != "":
			return nil, errors.New("private key has OpenSSL's old encryption; convert it with: openssl pkcs8 -topk8 -in KEY -out NEWKEY")
		}
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	return &cert, nil
}

func pemCertificates(body []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(body); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no PEM certificate")
	}
	return certs, nil
}

const (
	storePEM    = "PEM"
	storePKCS12 = "PKCS12"
)

// storeKind goes by the content: Java too reads a PKCS #12 file that is
// declared JKS, its default since Java 9.
func storeKind(body []byte, declared string) (string, error) {
	kind := ""
	switch {
	case bytes.HasPrefix(body, []byte{0xfe, 0xed, 0xfe, 0xed}), bytes.HasPrefix(body, []byte{0xce, 0xce, 0xce, 0xce}):
		return "", errors.New("is a Java key store (JKS), which only Java reads; convert it with: " +
			"keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12")
	case bytes.Contains(body, []byte("-----BEGIN ")):
		kind = storePEM
	case len(body) > 0 && body[0] == 0x30:
		kind = storePKCS12
	default:
		return "", errors.New("is neither PEM nor PKCS #12")
	}
	switch strings.ToUpper(declared) {
	case "", kind:
		return kind, nil
	case "JKS":
		if kind == storePKCS12 {
			return kind, nil
		}
	case storePEM, storePKCS12:
	default:
		return "", fmt.Errorf("store type %q: want PEM or PKCS12", declared)
	}
	return "", fmt.Errorf("is %s but is declared %s", kind, strings.ToUpper(declared))
}
