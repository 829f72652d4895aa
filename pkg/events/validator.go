package events

import (
	"slices"
	"sync"

	"github.com/multi-tenant/manage-kafka/internal/schema"
	"github.com/multi-tenant/manage-kafka/internal/strictjson"
)

// ValidatorOptions say how strictly a Validator judges; the zero value is a
// producer's view of known types.
type ValidatorOptions struct {
	// View is Closed for what is to be sent, Open for what was received.
	View View
	// Topic, when set, is where all events go instead of their types' topics.
	// Types that the catalogue does not have are then let through with their
	// envelope checked alone.
	Topic string
}

// A Validator checks events in the form of bytes. It may be used by any number
// of goroutines at once; each event is read once, and one that is valid costs
// next to no memory.
type Validator struct {
	catalogue *Catalogue
	options   ValidatorOptions
	scratch   sync.Pool
}

// Validator makes a validator of the types the catalogue has.
func (c *Catalogue) Validator(o ValidatorOptions) *Validator {
	v := &Validator{catalogue: c, options: o}
	v.scratch.New = func() any { return newScratch(v) }
	return v
}

// Check judges one envelope with its data. The error is an *InvalidError with
// everything that is wrong, or, when nothing else is, an *UnknownTypeError or
// an *UnknownMajorError.
func (v *Validator) Check(raw []byte) error {
	s, _ := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	_, err := s.judge(raw)
	return err
}

// Record is Check and fills r with what goes to Kafka. r's memory is used
// again, so that one Record can serve a whole file; its slices point into raw.
// After an error r is not to be used.
func (v *Validator) Record(raw []byte, r *Record) error {
	s, _ := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	e, err := s.judge(raw)
	if err != nil {
		return err
	}
	r.Topic, r.Value = v.options.Topic, raw
	var rule plan
	if e != nil {
		rule = e.key
		if r.Topic == "" {
			r.Topic = e.Topic
		}
	}
	r.keys = rule.key(r.keys[:0], &s.head, s.lookup)
	r.Key = r.keys
	r.Headers = s.head.headers(r.Headers, s.contentType)
	return nil
}

// scratch is the memory to judge one event with.
type scratch struct {
	validator *Validator
	scanner   strictjson.Scanner
	head      head
	caught    schema.Caught
	entry     *entry
	// passed is the contract that the data was seen to meet.
	passed      *contract
	readData    func() error
	contentType []byte
	lookup      func(pointer string) []byte
}

func newScratch(v *Validator) *scratch {
	s := &scratch{validator: v, contentType: []byte(ContentType)}
	s.readData = s.data
	s.lookup = s.find
	return s
}

// data reads the member "data"; with type and version before it, as envelopes
// are written, it is checked on the way.
func (s *scratch) data() error {
	if k := s.contract(); k != nil && s.quick(k, &s.scanner) {
		return nil
	}
	return s.scanner.Skip()
}

func (s *scratch) quick(k *contract, from *strictjson.Scanner) bool {
	checker := k.quick[s.validator.options.View]()
	if checker == nil || !checker.Check(from, &s.caught) {
		return false
	}
	s.passed = k
	return true
}

// contract is the one that the envelope, as far as it is read, asks for; nil
// when there is none.
func (s *scratch) contract() *contract {
	h := &s.head
	if !h.has(memberType) || !h.has(memberVersion) {
		return nil
	}
	s.entry = s.validator.catalogue.entries[string(h.text[memberType])]
	if s.entry == nil {
		return nil
	}
	major := 1
	if string(h.text[memberVersion]) != "1.0" {
		version, err := ParseVersion(string(h.text[memberVersion]))
		if err != nil {
			return nil
		}
		major = version.Major
	}
	for _, k := range s.entry.contracts {
		if k.version.Major == major {
			return k
		}
	}
	return nil
}

// judge returns the event's type, nil for one that is unknown and let through.
func (s *scratch) judge(raw []byte) (*entry, error) {
	s.scanner.Reset(raw)
	s.entry, s.passed = nil, nil
	h := &s.head
	if err := h.scan(&s.scanner, false, s.readData); err != nil {
		return nil, syntax(err)
	}
	h.check()
	k := s.contract()
	if s.entry != nil && s.entry.key.rule.needsTenant() && !h.has(memberTenant) && !h.failed("tenantId") {
		h.fail("/tenantId", "is required for "+s.entry.Name+", whose key it is")
	}
	if k == nil {
		return nil, s.unknown()
	}
	if s.passed != k && h.has(memberData) {
		if err := s.full(k); err != nil {
			return nil, err
		}
	}
	return s.entry, invalid(h.failures)
}

// unknown is the verdict on an event without a contract.
func (s *scratch) unknown() error {
	h := &s.head
	if !h.has(memberType) || h.failed("type") || h.failed("dataVersion") || len(h.failures) > 0 && h.failures[0].Pointer == "" {
		return invalid(h.failures)
	}
	if s.entry == nil {
		if s.entry = s.validator.catalogue.entries[string(h.text[memberType])]; s.entry == nil {
			if s.validator.options.Topic != "" {
				return invalid(h.failures)
			}
			_, err := s.validator.catalogue.entry(string(h.text[memberType]))
			return s.alone("/type", err)
		}
	}
	if !h.has(memberVersion) {
		return invalid(h.failures)
	}
	return s.alone("", &UnknownMajorError{s.entry.Name, string(h.text[memberVersion]), s.entry.majors()})
}

// alone returns err when nothing else is wrong, else it joins the failures.
func (s *scratch) alone(pointer string, err error) error {
	if len(s.head.failures) == 0 {
		return err
	}
	s.head.fail(pointer, err.Error())
	return invalid(s.head.failures)
}

// full judges data that stood before the type, or about which the quick check
// was not sure, and explains what is wrong.
func (s *scratch) full(k *contract) error {
	var again strictjson.Scanner
	again.Reset(s.head.data)
	if s.quick(k, &again) {
		return nil
	}
	check, err := k.full[s.validator.options.View]()
	if err != nil {
		return err
	}
	data, err := strictjson.Decode(s.head.data)
	if err != nil {
		return syntax(err)
	}
	s.caught = schema.Caught{}
	wrong := check.Validate(data)
	if wrong != nil && s.validator.options.View == Open {
		// Where an object has to fit just one of several schemas, or not to fit
		// one, what opens them can refuse what a producer may send.
		if closed, err := k.full[Closed](); err == nil && closed.Validate(data) == nil {
			wrong = nil
		}
	}
	s.head.failures = append(s.head.failures, explain(wrong)...)
	return nil
}

// find gives a key rule the text of a member of the data.
func (s *scratch) find(pointer string) []byte {
	if s.passed != nil && s.entry.key.caught != nil {
		if i := slices.Index(s.entry.key.caught, pointer[len("/data/"):]); i >= 0 {
			return s.caught[i]
		}
	}
	return find(s.head.data, pointer)
}
