# Two stages: Node 26 builds the self-contained executable, a distroless image carries it and nothing else.
# GIT_VERSION becomes the version that the program tells of itself; GIT_COMMITSHA is a label.

FROM node:26-bookworm AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --loglevel error
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
ARG GIT_VERSION
ENV PATH=/src/node_modules/.bin:$PATH
RUN GIT_VERSION="$GIT_VERSION" node scripts/build.ts
# Node needs libatomic, which the final image lacks.
RUN mkdir /image \
  && cp bin/meshsync /image/meshery-meshsync \
  && cp "$(ldconfig -p | awk '/libatomic\.so\.1 / { print $NF; exit }')" /image/libatomic.so.1

# glibc, libstdc++, CA certificates, a user 65532; no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG GIT_COMMITSHA
LABEL org.opencontainers.image.title="meshsync" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.revision="$GIT_COMMITSHA"
COPY --from=build /image/libatomic.so.1 /usr/lib/libatomic.so.1
COPY --from=build /image/meshery-meshsync /meshery-meshsync
WORKDIR /
USER 65532:65532
EXPOSE 11000
ENTRYPOINT ["/meshery-meshsync"]
