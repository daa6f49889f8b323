# Two stages: Node 26 builds the self-contained executable and lays out the files of the image; an empty image takes them and nothing else.
# What they are is said in scripts/imageRootfs.ts, by which `make image-rootfs` lays out the same files without Docker.
# GIT_VERSION becomes the version that the program tells of itself; GIT_COMMITSHA is a label. For linux/amd64 and linux/arm64.

FROM node:26-bookworm AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --loglevel error
COPY tsconfig.json LICENSE ./
COPY scripts scripts
COPY src src
ARG GIT_VERSION
ENV PATH=/src/node_modules/.bin:$PATH
RUN GIT_VERSION="$GIT_VERSION" node scripts/build.ts && node scripts/imageRootfs.ts /image

FROM scratch
ARG GIT_VERSION
ARG GIT_COMMITSHA
LABEL org.opencontainers.image.title="meshsync" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="$GIT_VERSION" \
  org.opencontainers.image.revision="$GIT_COMMITSHA"
COPY --from=build /image /
WORKDIR /
USER 65532:65532
EXPOSE 11000
ENTRYPOINT ["/meshery-meshsync"]
