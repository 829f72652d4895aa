package letters

import "strings"

// maxStackLines bounds how far into a stack is looked.
const maxStackLines = 400

// causeInStack returns the class that the last "Caused by:" of a Java stack
// names, "" without one.
func causeInStack(stack string) string {
	const mark = "Caused by: "
	i := strings.LastIndex(stack, mark)
	if i < 0 {
		return ""
	}
	line, _, _ := strings.Cut(stack[i+len(mark):], "\n")
	class, _, _ := strings.Cut(line, ":")
	class = strings.TrimSpace(class)
	if strings.ContainsAny(class, " \t") {
		return ""
	}
	return class
}

// frame returns the first frame of a stack that is the application's own,
// without line numbers and addresses; of a Java stack it is the root cause's.
// It knows the stacks of Java, .NET, Node, Python and Go.
func frame(stack string) string {
	if i := strings.LastIndex(stack, "Caused by: "); i >= 0 {
		if f := firstFrame(stack[i:]); f != "" {
			return f
		}
	}
	return firstFrame(stack)
}

func firstFrame(stack string) string {
	lines := 0
	for line := range strings.Lines(stack) {
		if lines++; lines > maxStackLines {
			break
		}
		if f := frameOf(strings.TrimRight(line, "\r\n")); f != "" && !foreign(f) {
			return f
		}
	}
	return ""
}

// frameOf reads one line of a stack, "" when it is no frame or one of a library by its path.
func frameOf(line string) string {
	trimmed := strings.TrimSpace(line)
	if at, ok := strings.CutPrefix(trimmed, "at "); ok {
		if strings.Contains(at, "node_modules") || strings.Contains(at, "node:") {
			return ""
		}
		name, place, _ := strings.Cut(at, "(")
		if i := strings.LastIndexByte(name, '/'); i >= 0 && place != "" {
			name = name[i+1:] // the module or loader that newer Java puts before the class
		}
		name = strings.TrimSpace(name)
		if place == "" {
			name, _, _ = strings.Cut(name, ":") // Node's file:line:column without a function
		}
		return name
	}
	if file, ok := strings.CutPrefix(trimmed, `File "`); ok {
		if strings.Contains(file, "site-packages") || strings.Contains(file, "/lib/python") {
			return ""
		}
		name, rest, _ := strings.Cut(file, `"`)
		if _, function, ok := strings.Cut(rest, ", in "); ok {
			name += " " + function
		}
		return name
	}
	// Go names the function at the line's start and the file in the next one.
	if line == trimmed && strings.HasSuffix(line, ")") && !strings.HasPrefix(line, "created by ") {
		name := line[:max(0, strings.LastIndexByte(line, '('))]
		if !strings.ContainsAny(name, " \t:") && strings.Contains(name, ".") {
			return name
		}
	}
	return ""
}

// foreign tells frames of runtimes and frameworks, which are the same whatever failed.
func foreign(frame string) bool {
	for _, prefix := range []string{
		"java.", "javax.", "jakarta.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.", "akka.",
		"org.apache.kafka.", "org.springframework.", "org.hibernate.", "com.fasterxml.", "io.confluent.", "io.smallrye.", "io.quarkus.", "io.vertx.", "io.netty.",
		"reactor.", "System.", "Microsoft.", "MassTransit.", "NServiceBus.", "Confluent.Kafka.",
		"process.", "Promise.", "async Promise.", "Array.", "Object.<anonymous>", "new Promise", "JSON.",
		"runtime.", "runtime/", "reflect.", "panic", "net/http.", "github.com/IBM/sarama.", "github.com/multi-tenant/manage-kafka/pkg/eventbus.",
	} {
		if strings.HasPrefix(frame, prefix) {
			return true
		}
	}
	return false
}
