/** Wishes for logs and terminals, for the tests of sessions. */
import type { SessionWish } from "../../src/domain/wire/sessionRequest.ts"

/** Of the container `nginx` in the pod `shop/web`, unless it says otherwise. */
export const wishOf = (members: Partial<SessionWish>): SessionWish => ({
  id: "t1",
  pod: "web",
  namespace: "shop",
  container: "nginx",
  follow: true,
  previous: false,
  tailLines: 100,
  stop: false,
  ...members,
})

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
