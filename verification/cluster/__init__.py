"""The life of the harness's own Kubernetes cluster: made, deployed to, looked into, removed."""
