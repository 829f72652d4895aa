// With it the compiler takes functions without a body, see disk_kfake.go.
