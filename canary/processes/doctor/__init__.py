"""What `canary doctor` looks at: the machine, DNS, the parts that run, and where alerts go."""
