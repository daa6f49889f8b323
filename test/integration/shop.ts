/**
 * What many integration tests begin with: a real control plane without controllers, a real broker, and an nginx in the namespace `shop`.
 */
import { type Broker, startBroker } from "./broker.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { createNamespace, deployNginx } from "./workload.ts"

export interface Shop extends AsyncDisposable {
  readonly plane: ControlPlane
  readonly broker: Broker
}

export const openShop = async (): Promise<Shop> => {
  const plane = await startControlPlane({ controllers: false })
  const broker = await startBroker()
  console.log(`kube-apiserver ${plane.version}; nats-server ${broker.version}`)
  await createNamespace(plane, "shop")
  await deployNginx(plane, "shop")
  return {
    plane,
    broker,
    [Symbol.asyncDispose]: async () => {
      await broker[Symbol.asyncDispose]()
      await plane[Symbol.asyncDispose]()
    },
  }
}
