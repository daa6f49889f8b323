/**
 * The two questions that every user may ask the fake API server about themselves: who am I, and may I. Reads nothing but the user.
 */
import type { User } from "./model.ts"

const parseRecord = (text: string): object => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * The answer to a SelfSubjectReview or a SelfSubjectAccessReview.
 * @param nowMs milliseconds since the epoch; the answer tells them in whole seconds, as the API server does
 * @returns undefined for every other path
 */
export const reviewDocument = (pathname: string, body: string, user: User, nowMs: number): object | undefined => {
  switch (pathname) {
    case "/apis/authentication.k8s.io/v1/selfsubjectreviews":
      return {
        kind: "SelfSubjectReview",
        apiVersion: "authentication.k8s.io/v1",
        metadata: { creationTimestamp: new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z") },
        status: { userInfo: { username: user.name, groups: [...(user.admin ? ["system:masters"] : []), "system:authenticated"] } },
      }
    case "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
      return { ...parseRecord(body), status: { allowed: user.admin } }
    default:
      return undefined
  }
}
