/**
 * Names of snapshots, as the Go MeshSync forms them. Pure: looks at no disk and no clock.
 */

/**
 * A generated name: `meshery-cluster-snapshot-20260131-00.yaml`.
 * @param day the day in local time
 * @param number from 0; at least two digits
 */
export const generatedName = (day: Date, number: number): string => {
  const digits = (value: number, count: number): string => String(value).padStart(count, "0")
  const date = `${digits(day.getFullYear(), 4)}${digits(day.getMonth() + 1, 2)}${digits(day.getDate(), 2)}`
  return `meshery-cluster-snapshot-${date}-${digits(number, 2)}.yaml`
}

/**
 * The file of all events beside a snapshot: `snap.yaml` and `snap` have `snap-extended.yaml`, `a.b/snap.yml` has `a.b/snap-extended.yml`.
 */
export const extendedName = (path: string): string => {
  const dot = path.lastIndexOf(".")
  return dot > path.lastIndexOf("/") ? `${path.slice(0, dot)}-extended${path.slice(dot)}` : `${path}-extended.yaml`
}
