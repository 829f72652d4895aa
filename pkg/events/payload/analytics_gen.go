// Code generated from the event schemas. DO NOT EDIT.

package payload

import (
	"encoding/json"
	"time"
)

// AnalyticsMetricUpdated is the data of analytics.metric_updated: a metric has a new value.
type AnalyticsMetricUpdated struct {
	// The record's key.
	MetricName    string                            `json:"metricName"`
	Value         float64                           `json:"value"`
	Timestamp     time.Time                         `json:"timestamp"`
	Unit          string                            `json:"unit,omitempty"`
	Dimensions    map[string]string                 `json:"dimensions,omitempty"`
	Aggregation   AnalyticsMetricUpdatedAggregation `json:"aggregation,omitempty"`
	WindowSeconds *int64                            `json:"windowSeconds,omitempty"`
	PreviousValue *float64                          `json:"previousValue,omitempty"`
}

// AnalyticsMetricUpdatedAggregation is one of the constants that begin with its name.
type AnalyticsMetricUpdatedAggregation string

// The values of AnalyticsMetricUpdatedAggregation.
const (
	AnalyticsMetricUpdatedAggregationSum   AnalyticsMetricUpdatedAggregation = "sum"
	AnalyticsMetricUpdatedAggregationAvg   AnalyticsMetricUpdatedAggregation = "avg"
	AnalyticsMetricUpdatedAggregationMin   AnalyticsMetricUpdatedAggregation = "min"
	AnalyticsMetricUpdatedAggregationMax   AnalyticsMetricUpdatedAggregation = "max"
	AnalyticsMetricUpdatedAggregationCount AnalyticsMetricUpdatedAggregation = "count"
	AnalyticsMetricUpdatedAggregationLast  AnalyticsMetricUpdatedAggregation = "last"
)

// AnalyticsReportGenerated is the data of analytics.report_generated: a report is ready.
type AnalyticsReportGenerated struct {
	ReportID    string                         `json:"reportId"`
	ReportType  string                         `json:"reportType"`
	PeriodStart time.Time                      `json:"periodStart"`
	PeriodEnd   time.Time                      `json:"periodEnd"`
	GeneratedAt time.Time                      `json:"generatedAt"`
	Format      AnalyticsReportGeneratedFormat `json:"format"`
	FileID      string                         `json:"fileId,omitempty"`
	RequestedBy string                         `json:"requestedBy,omitempty"`
	RowCount    *int64                         `json:"rowCount,omitempty"`
	DurationMs  *int64                         `json:"durationMs,omitempty"`
}

// AnalyticsReportGeneratedFormat is one of the constants that begin with its name.
type AnalyticsReportGeneratedFormat string

// The values of AnalyticsReportGeneratedFormat.
const (
	AnalyticsReportGeneratedFormatJSON AnalyticsReportGeneratedFormat = "json"
	AnalyticsReportGeneratedFormatCSV  AnalyticsReportGeneratedFormat = "csv"
	AnalyticsReportGeneratedFormatPDF  AnalyticsReportGeneratedFormat = "pdf"
	AnalyticsReportGeneratedFormatXlsx AnalyticsReportGeneratedFormat = "xlsx"
)

// AnalyticsUserActivityRecorded is the data of analytics.user_activity_recorded: a user did something
// worth counting.
type AnalyticsUserActivityRecorded struct {
	ActivityID   string                     `json:"activityId"`
	UserID       string                     `json:"userId"`
	Action       string                     `json:"action"`
	OccurredAt   time.Time                  `json:"occurredAt"`
	ResourceType string                     `json:"resourceType,omitempty"`
	ResourceID   string                     `json:"resourceId,omitempty"`
	SessionID    string                     `json:"sessionId,omitempty"`
	DurationMs   *int64                     `json:"durationMs,omitempty"`
	Properties   map[string]json.RawMessage `json:"properties,omitempty"`
}
