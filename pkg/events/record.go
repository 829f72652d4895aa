package events

// The headers repeat what consumers filter by without reading the value.
const (
	HeaderID          = "event-id"
	HeaderType        = "event-type"
	HeaderVersion     = "event-version"
	HeaderTenant      = "tenant-id"
	HeaderCorrelation = "correlation-id"
	HeaderTraceparent = "traceparent"
	HeaderContentType = "content-type"
)

// A Record is an event as it goes to Kafka.
type Record struct {
	// Topic and Key decide where it lands.
	Topic string
	Key   []byte
	// Value is the envelope as JSON.
	Value []byte
	// Headers begin with event-id, event-type and event-version.
	Headers []Header

	keys []byte
}

// A Header is one record header.
type Header struct {
	Name  string
	Value []byte
}

// Header returns the value of the first header of that name, nil without one.
func (r *Record) Header(name string) []byte {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return nil
}

// SetTraceparent adds the W3C trace context that the event was made in.
func (r *Record) SetTraceparent(traceparent string) {
	r.Headers = append(r.Headers, Header{HeaderTraceparent, []byte(traceparent)})
}

// Record validates an event as its producer must, data and all, and returns
// what goes to Kafka. The errors are those of Validator.Check.
func (c *Catalogue) Record(e Event) (Record, error) {
	var r Record
	if err := c.Validate(e); err != nil {
		return r, err
	}
	return r, c.Validator(ValidatorOptions{}).Record(e.Encode(), &r)
}

// Validate checks an event, data and all, as its producer must. The errors are
// those of Validator.Check.
func (c *Catalogue) Validate(e Event) error {
	if !e.unchanged() {
		if err := e.Validate(); err != nil {
			return err
		}
	}
	return c.Validator(ValidatorOptions{}).Check(e.Encode())
}

// headers uses dst again; contentType is the value of that header.
func (h *head) headers(dst []Header, contentType []byte) []Header {
	dst = append(dst[:0],
		Header{HeaderID, h.text[memberID]},
		Header{HeaderType, h.text[memberType]},
		Header{HeaderVersion, h.text[memberVersion]})
	if h.has(memberTenant) {
		dst = append(dst, Header{HeaderTenant, h.text[memberTenant]})
	}
	if h.has(memberCorrelation) {
		dst = append(dst, Header{HeaderCorrelation, h.text[memberCorrelation]})
	}
	return append(dst, Header{HeaderContentType, contentType})
}
