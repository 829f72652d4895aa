package kafka

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kversion"
)

// The wanted values are what java.util.Properties.load gives for the same text.
func TestParseProperties(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       map[string]string
	}{
		{"separators", "a=1\nb:2\nc 3\nd\t=\t4\ne  :  5\nf = = 6\n", map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "= 6"}},
		{"comments and blanks", "# a=1\n  ! b=2\n\n   \n c=3", map[string]string{"c": "3"}},
		{"a comment does not go on", "# a \\\nb=2", map[string]string{"b": "2"}},
		{"no value", "a\nb=\nc:", map[string]string{"a": "", "b": "", "c": ""}},
		{"trailing blanks stay", "a=1  \n", map[string]string{"a": "1  "}},
		{"continuation", "a=one,\\\n    two,\\\r\n\tthree\nb=2", map[string]string{"a": "one,two,three", "b": "2"}},
		{"an even number of backslashes", "a=x\\\\\nb=2", map[string]string{"a": `x\`, "b": "2"}},
		{"a continued end", "a=x\\", map[string]string{"a": "x"}},
		{"escapes", `a\=b\:c\ d=\t\n\r\f\q\u0041\\`, map[string]string{"a=b:c d": "\t\n\r\fqA\\"}},
		{"surrogates", `a=\ud83d\ude00`, map[string]string{"a": "😀"}},
		{"last wins", "a=1\na=2", map[string]string{"a": "2"}},
		{"UTF-8", "a=ü", map[string]string{"a": "ü"}},
		{"ISO 8859-1", "a=\xfc", map[string]string{"a": "ü"}},
		{"byte order mark", "\xef\xbb\xbfa=1", map[string]string{"a": "1"}},
		{"line ends", "a=1\rb=2\r\nc=3", map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"jaas over lines", "sasl.jaas.config=Plain required \\\n  username=\"a\" \\\n  password=\"b=c\";", map[string]string{"sasl.jaas.config": `Plain required username="a" password="b=c";`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseProperties(strings.NewReader(test.text))
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("read %q, error %v, want %q", got, err, test.want)
			}
		})
	}
	for text, want := range map[string]string{
		"a=1\nb=\\u12": `line 2: value of b: \u wants four hexadecimal digits`,
		"a=\\uzzzz":    `line 1: value of a: \u wants four hexadecimal digits`,
		"\\u1=a":       `line 1: key: \u wants four hexadecimal digits`,
	} {
		if _, err := ParseProperties(strings.NewReader(text)); !errors.Is(err, ErrConfig) || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
	if _, err := ParseProperties(strings.NewReader(strings.Repeat("a", maxProperties+1))); !errors.Is(err, ErrConfig) {
		t.Errorf("a file of over 4 MiB: error %v", err)
	}
}

func FuzzParseProperties(f *testing.F) {
	f.Add("a=1\nb : 2\\\n  3\n#c\nd\\u0041 \\\\")
	f.Add("\\\n\\\r\n=\n:\n \\ = \xff")
	f.Fuzz(func(t *testing.T, text string) {
		props, err := ParseProperties(strings.NewReader(text))
		if err != nil {
			return
		}
		// What was read reads the same once it is written out escaped.
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(props)) {
			b.WriteString(escapeJava(name) + "=" + escapeJava(props[name]) + "\n")
		}
		again, err := ParseProperties(strings.NewReader(b.String()))
		if err != nil || !maps.Equal(again, props) {
			t.Errorf("read %q, written %q, read again %q, error %v", props, b.String(), again, err)
		}
	})
}

func escapeJava(s string) string {
	return strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, " ", `\ `, "=", `\=`, ":", `\:`, "#", `\#`, "!", `\!`, "\ufeff", `\ufeff`).Replace(s)
}

func TestParseJAAS(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]jaasEntry{
		`org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="al\"ice";`: {modulePlain, map[string]string{"username": "alice", "password": `al"ice`}},
		`ScramLoginModule  OPTIONAL  username='a b'/* c */ password=bare-word // end` + "\n;":                   {moduleScram, map[string]string{"username": "a b", "password": "bare-word"}},
		`M required;`:                 {"M", map[string]string{}},
		`M required a="" b="\n\t;=";`: {"M", map[string]string{"a": "", "b": "\n\t;="}},
	} {
		got, err := parseJAAS(text)
		if err != nil || got.module != want.module || !maps.Equal(got.options, want.options) {
			t.Errorf("%s: %+v, error %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ";", "M", "M required", "M maybe;", "M required username=\"hunter2\"", "M required username=\"hunter2;", "M required username \"hunter2\";",
		"M required username=;", "M required =hunter2;", "M required a=hunter2; N required;", "M required \"hunter2\"=b;", "M required /* hunter2", "M required a='hunter2\n';",
	} {
		if got, err := parseJAAS(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error holds a value: %v", text, err)
		}
	}
}

func FuzzParseJAAS(f *testing.F) {
	f.Add(`org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="x";`)
	f.Add(`M required a='\'' b=c /* d */ e="f=;"; // g`)
	f.Fuzz(func(t *testing.T, text string) {
		entry, err := parseJAAS(text)
		if err != nil {
			return
		}
		if entry.module == "" && !strings.Contains(text, ".") {
			t.Errorf("%q: no module", text)
		}
		for name := range entry.options {
			if name == "" || strings.ContainsAny(name, "=;\"' ") {
				t.Errorf("%q: option %q", text, name)
			}
		}
	})
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kafka": "kafka:9092", "kafka:1": "kafka:1", "a,b:2, c": "a:9092 b:2 c:9092", "a,a:9092": "a:9092",
		"::1": "[::1]:9092", "[::1]": "[::1]:9092", "[::1]:1": "[::1]:1", "fe80::1%Eth0": "[fe80::1%Eth0]:9092", "Kafka.Example:1,kafka.example:1": "kafka.example:1", "[0:0::0001]:1": "[::1]:1", "FE80::A": "[fe80::a]:9092", "127.0.0.1:0009": "127.0.0.1:9",
	} {
		got, err := ParseAddresses([]string{text})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, error %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", ",", "a:", ":1", "a:0", "a:65536", "a:x", "[::1", "::1]", "a:1:2", "http://a:1", "PLAINTEXT://a:1", "user@a:1", "a b:1"} {
		if got, err := ParseAddresses([]string{text}); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %q, error %v, want ErrConfig", text, got, err)
		}
	}
}

func FuzzParseAddresses(f *testing.F) {
	f.Add("a:1,[::1]:2,c")
	f.Fuzz(func(t *testing.T, text string) {
		addrs, err := ParseAddresses([]string{text})
		if err != nil {
			return
		}
		again, err := ParseAddresses(addrs)
		if err != nil || !slices.Equal(again, addrs) {
			t.Errorf("%q: %q, again %q, error %v", text, addrs, again, err)
		}
	})
}

func TestErrorCodesMatchKafkas(t *testing.T) {
	t.Parallel()
	for code := int16(-1); code <= 133; code++ {
		if code == 0 {
			continue
		}
		known, ok := lookupCode(code)
		if !ok || known.message == "" {
			t.Errorf("code %d is not known", code)
			continue
		}
		var ke *kerr.Error
		if err := kerr.ErrorForCode(code); errors.As(err, &ke) && ke.Code == code && ke.Message != known.name && code != 6 { // 6 got its name of today in Kafka 2.6
			t.Errorf("code %d is %s, want %s", code, known.name, ke.Message)
		}
	}
	if err := NewBrokerError(4711, ""); err == nil || !strings.Contains(err.Error(), "4711") {
		t.Errorf("an unknown code: %v", err)
	}
	if NewBrokerError(0, "x") != nil {
		t.Error("code 0 is an error")
	}
	if err := NewBrokerError(44, "too many partitions"); err.Error() != "too many partitions" {
		t.Errorf("the broker's own words: %v", err)
	}
}

func TestReleaseGoesByTheVersionsOfRequests(t *testing.T) {
	t.Parallel()
	for want, known := range map[string]*kversion.Versions{
		"": kversion.V2_0_0(), "2.1.0": kversion.V2_1_0(), "2.2.0": kversion.V2_2_0(), "2.3.0": kversion.V2_3_0(), "2.4.0": kversion.V2_4_0(),
		"2.5.0": kversion.V2_5_0(), "2.6.0": kversion.V2_6_0(), "2.7.0": kversion.V2_7_0(), "2.8.0": kversion.V2_8_0(), "3.0.0": kversion.V3_0_0(),
		"3.1.0": kversion.V3_1_0(), "3.2.0": kversion.V3_2_0(), "3.3.0": kversion.V3_4_0(), "3.5.0": kversion.V3_5_0(), "3.6.0": kversion.V3_6_0(),
		"3.7.0": kversion.V3_7_0(), "3.8.0": kversion.V3_8_0(), "3.9.0": kversion.V3_9_0(), "4.0.1": kversion.V4_0_0(), "4.1.2": kversion.V4_1_0(),
		"4.2.1": kversion.V4_2_0(), "4.3.1": kversion.V4_3_0(),
	} {
		ranges := map[int16]apiRange{}
		known.EachMaxKeyVersion(func(key, version int16) { ranges[key] = apiRange{0, version} })
		got, ok := release(ranges)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("release %s, %v, want %s", got, ok, want)
		}
	}
}

func FuzzParseProbeAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4})
	f.Add([]byte{0, 33, 0, 0, 0, 1, 0, 5, 'P', 'L', 'A', 'I', 'N'})
	f.Add([]byte{0, 0, 0x7f, 0xff, 0xff, 0xff, 1, 2})
	f.Fuzz(func(t *testing.T, body []byte) {
		if known, err := parseVersions(body); err == nil && len(known) == 0 {
			t.Errorf("%x: no version and no error", body)
		}
		if names, err := parseMechanisms(body); err == nil && len(names)*2 > len(body) {
			t.Errorf("%x: %d mechanisms", body, len(names))
		}
	})
}

func TestLookupPropertyNamesTheNearest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"security.protocl": propProtocol, "ssl.trustore.location": propTruststore, "sasl.mechanisms": propMechanism, "zzz": "", "compression.typ": "compression.type",
	} {
		if use, nearest := LookupProperty(name); use != PropertyUnknown || nearest != want {
			t.Errorf("%s: use %d, nearest %q, want %q", name, use, nearest, want)
		}
	}
	if use, _ := LookupProperty("acks"); use != PropertyNoted {
		t.Errorf("acks: use %d", use)
	}
}

func TestSecretsAreKnownByName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]bool{ // secret, credential
		propPassword: {true, true}, propJAAS: {true, true}, propOAuthSecret: {true, true}, propKeystorePass: {true, true}, propKeyPass: {true, true},
		propKeystoreKey: {true, true}, propTruststorePass: {true, true}, propTokenURL: {false, true}, propOAuthID: {false, true}, propUsername: {false, true},
		propKeystore: {false, true}, propKeystoreChain: {false, true}, propMechanism: {false, false}, propProtocol: {false, false},
		propTruststore: {false, false}, propClientID: {false, false},
	} {
		if got := [2]bool{SecretProperty(name), CredentialProperty(name)}; got != want {
			t.Errorf("%s: secret and credential are %v, want %v", name, got, want)
		}
	}
}
