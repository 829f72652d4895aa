// Package console reads records of topics for a person or a pipe, and sends
// what they type or pipe in.
//
// Start with [Consume], which follows topics and writes each record in a
// [Format], and [ParseFormat], which both directions share. The lossless form
// of a record is the envelope of [AppendEnvelope].
//
// # Bytes
//
// Keys, values and headers are any bytes; null is not the empty string, header
// names repeat and their order counts. The envelope keeps all of that. Percent
// formats keep it when they write lengths: the length of null is -1.
package console
