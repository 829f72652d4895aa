package console

import "errors"

func newPartRecords(opts ProduceOptions, bound *topicInfo) (recordReader, error) {
	return nil, errors.New("percent formats are for output until a later version")
}
