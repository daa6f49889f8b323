/** The contract of requests on the program, a real API server with kubelets, and a real nats-server. */
import { connect } from "nats"
import { appendFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { startBroker } from "../integration/broker.ts"
import { startControlPlane } from "../integration/controlPlane.ts"
import { runMeshsync } from "../integration/meshsync.ts"
import { findProgram, temporaryFolder } from "../integration/program.ts"
import { createNamespace, deployNginx } from "../integration/workload.ts"
import { describeRequestContract } from "./requests.contract.ts"

// Without kubelets nothing runs in a pod: `make integration-tests-setup` builds them wherever there is Go.
const hasKubelets = findProgram("kwok") !== undefined

describeRequestContract(
  "kube-apiserver, kwok and nats-server",
  async () => {
    const resources = new AsyncDisposableStack()
    const folder = temporaryFolder()
    const logFile = path.join(folder, "container.log")
    writeFileSync(logFile, "")
    const plane = resources.use(await startControlPlane({ controllers: true, pods: { logFile, folder } }))
    const broker = resources.use(await startBroker())
    await createNamespace(plane, "shop")
    await deployNginx(plane, "shop")
    const [pod] = await plane.admin.list("/api/v1/namespaces/shop/pods")
    const environment = { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address }
    const run = resources.use(await runMeshsync({ args: [], environment }))
    await run.awaitStatus("everything is announced", 60_000, ({ settled }) => settled)
    const nats = resources.adopt(await connect({ servers: broker.address, reconnect: false }), (connection) => connection.close())
    return {
      pod: String(pod?.metadata.name),
      version: (await run.status()).version,
      publish: async (subject, payload) => {
        nats.publish(subject, payload)
        await nats.flush()
      },
      subscribe: async (subject, take) => {
        nats.subscribe(subject, { callback: (_, message) => take(message.string()) })
        await nats.flush()
      },
      writeLog: (line) => appendFileSync(logFile, `2026-01-01T00:00:00.000000000Z stdout F ${line}\n`),
      log: () => run.stdout() + run.stderr(),
      status: run.status,
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    }
  },
  hasKubelets,
)
