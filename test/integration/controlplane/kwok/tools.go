//go:build tools

// Package tools pins the fake kubelet that the integration tests run against.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
