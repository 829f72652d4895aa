package cmd

import "strings"

// scriptParameter maps the parameters of manage-kafka.ps1, in lower case, to
// what stands for them here: a flag, or "" for the command's first argument.
func scriptParameter(name string) (flag string, ok bool) {
	switch strings.ToLower(name) {
	case "topicname", "servicename":
		return "", true
	case "partitions":
		return "--partitions", true
	case "replicationfactor":
		return "--replication-factor", true
	}
	return "", false
}

// scriptArgs rewrites the parameters of manage-kafka.ps1 to this tool's own:
// only these exact names after one dash, in any letter case, as "-Name value"
// or "-Name:value", never as another flag's value and not after "--". The
// command itself may be written in any letter case too, as PowerShell allows.
func scriptArgs(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...)
		}
		if i == 0 {
			out = append(out, strings.ToLower(arg))
			continue
		}
		name, value, joined := strings.Cut(strings.TrimPrefix(arg, "-"), ":")
		flag, ok := scriptParameter(name)
		if !ok || !strings.HasPrefix(arg, "-") || takesValue(args[i-1]) {
			out = append(out, arg)
			continue
		}
		if !joined {
			i++
			if i == len(args) {
				return append(out, arg)
			}
			value = args[i]
		}
		if flag != "" {
			out = append(out, flag)
		}
		out = append(out, value)
	}
	return out
}

// takesValue tells whether the argument after arg is arg's value for sure.
func takesValue(arg string) bool {
	return false
}
