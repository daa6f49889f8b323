/**
 * The contract of the port ClusterApi on a real kube-apiserver. With UPDATE_ANSWERS=1 its answers become those that the fake one must give.
 */
import { describeContract } from "./clusterApi.contract.ts"
import { layerReal } from "./realCluster.ts"

describeContract("kube-apiserver, through the Kubernetes adapter", layerReal, process.env["UPDATE_ANSWERS"] === "1")
