package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletionCommand(a *app) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:     "completion bash|zsh|fish|powershell",
		Short:   "Write a script that completes commands in a shell",
		GroupID: groupTool,
		Long: `Write a completion script for a shell to standard output. It completes commands,
flags, topics, consumer groups and settings. Names come from the cluster that
the command line means, are waited for at most 0.3 s, and are kept for a minute
in the user's cache directory.

  bash        manage-kafka completion bash > /etc/bash_completion.d/manage-kafka
              or in ~/.bashrc: source <(manage-kafka completion bash)
              (needs the package bash-completion)
  zsh         manage-kafka completion zsh > "${fpath[1]}/_manage-kafka"
              (~/.zshrc needs: autoload -U compinit; compinit)
  fish        manage-kafka completion fish > ~/.config/fish/completions/manage-kafka.fish
  powershell  manage-kafka completion powershell >> $PROFILE`,
		Example: `  source <(manage-kafka completion bash)
  manage-kafka completion fish > ~/.config/fish/completions/manage-kafka.fish`,
		ValidArgs: shells,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("name one shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return usageOf(cmd, fmt.Errorf("no completion for %q: want bash, zsh, fish or powershell", args[0]))
		},
	}
}
