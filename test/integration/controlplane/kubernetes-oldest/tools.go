//go:build tools

// Package tools pins the oldest API server that the integration tests are run against.
package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
