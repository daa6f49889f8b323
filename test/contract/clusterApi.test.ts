/**
 * The contract of the port ClusterApi on the fake API server, in-process and over HTTP.
 */
import { describeContract } from "./clusterApi.contract.ts"
import { layerInProcess, layerOverHttp } from "./environment.ts"

describeContract("the fake API server in-process", layerInProcess, false)
describeContract("the fake API server over HTTP, through the Kubernetes adapter", layerOverHttp, false)
