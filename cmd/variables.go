package cmd

import "github.com/spf13/cobra"

// newEnvironmentTopic is shown by "help environment".
func newEnvironmentTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "environment",
		Short: "Environment variables that commands take",
		Long: `Environment variables.

Every flag of every command has one, which counts where the flag is not given:
MANAGE_KAFKA_ and the flag's name in capitals, with _ for -. So MANAGE_KAFKA_CONTEXT is
--context, MANAGE_KAFKA_PARTITIONS is --partitions of the commands that have it. One that
is misspelled is warned of.

The cluster:
  MANAGE_KAFKA_BOOTSTRAP_SERVER          brokers, as --bootstrap-server; also MANAGE_KAFKA_BROKERS
  MANAGE_KAFKA_CONTEXT                   a context of a configuration file, as --context
  KAFKA_BROKERS                          brokers, where no flag and no context is named

The schema registry; files hold secrets better than variables, which other processes of
the same user can read:
  SCHEMA_REGISTRY_URL                    its addresses, separated by commas
  SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO   user:password, or in a file:
  SCHEMA_REGISTRY_BASIC_AUTH_FILE
  SCHEMA_REGISTRY_BEARER_TOKEN           a token, or in a file:
  SCHEMA_REGISTRY_BEARER_TOKEN_FILE
  SCHEMA_REGISTRY_CA_FILE                certificates of its authority, PEM
  SCHEMA_REGISTRY_CERT_FILE, SCHEMA_REGISTRY_KEY_FILE
                                         a client certificate and its key, PEM

The local stack:
  MANAGE_KAFKA_PROJECT                   its name, as --project
  MANAGE_KAFKA_RUNTIME                   embedded, docker or auto, as start --runtime
  MANAGE_KAFKA_PORT_OFFSET               as start --port-offset
  KAFKA_IMAGE, SCHEMA_REGISTRY_IMAGE, KAFKA_UI_IMAGE, KAFKA_HEAP and others
                                         of the compose file
  DOCKER_HOST, DOCKER_CONTEXT            as docker takes them

The terminal:
  NO_COLOR, TERM=dumb                    no colour, as --color never
  VISUAL, EDITOR                         the editor of dlq edit
  CI=true                                start warns where no runtime is named
  XDG_STATE_HOME                         the directory of stacks' files, on every system
  XDG_CONFIG_HOME, XDG_CACHE_HOME        of configuration and completion, on Linux`,
		Example: `  MANAGE_KAFKA_OUTPUT=json manage-kafka list-topics
  KAFKA_BROKERS=127.0.0.1:9092 manage-kafka list-topics`,
	}
}
