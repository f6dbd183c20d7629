metadata description = 'The bot: two replicas, so that one may be replaced while people click.'

param name string
param location string
param tags object
param environmentId string

@description('Which cloud this is, as Startgate calls it.')
param cloud string
param image string
param registryServer string
param identityId string
param identityClientId string
param serviceBusHost string
param redisUrl string
param vaultUri string
param policy string
param retentionDays int

@description('Slack sends requests by HTTPS; otherwise the bot opens a connection itself (Socket Mode).')
param slackHttp bool

var port = 8080
var slackPort = 3000
var doorway = slackHttp ? 'slack-signing-secret' : 'slack-app-token'

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: slackHttp ? { external: true, targetPort: slackPort, transport: 'http', allowInsecure: false } : null
      registries: registryServer == '' ? [] : [{ server: registryServer, identity: identityId }]
      secrets: [
        {
          name: 'policy'
          value: policy
        }
        {
          name: 'slack-bot-token'
          keyVaultUrl: '${vaultUri}secrets/slack-bot-token'
          identity: identityId
        }
        {
          name: doorway
          keyVaultUrl: '${vaultUri}secrets/${doorway}'
          identity: identityId
        }
      ]
    }
    template: {
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'bot'
          image: image
          command: [
            'startgate-bot'
          ]
          args: [
            'run'
          ]
          resources: {
            cpu: json('0.25')
            memory: '0.5Gi'
          }
          env: [
            {
              name: 'STARTGATE_CLOUD'
              value: cloud
            }
            {
              name: 'STARTGATE_CREDENTIAL'
              value: 'managed-identity'
            }
            {
              name: 'AZURE_CLIENT_ID'
              value: identityClientId
            }
            {
              name: 'STARTGATE_SERVICEBUS_NAMESPACE'
              value: serviceBusHost
            }
            {
              name: 'STARTGATE_REDIS_URL'
              value: redisUrl
            }
            {
              name: 'STARTGATE_REDIS_AUTH'
              value: 'entra'
            }
            {
              name: 'STARTGATE_POLICY'
              value: '/etc/startgate/policy.yaml'
            }
            {
              name: 'STARTGATE_RETENTION_DAYS'
              value: string(retentionDays)
            }
            {
              name: 'STARTGATE_LOG'
              value: 'json'
            }
            {
              name: 'STARTGATE_HEALTH_PORT'
              value: string(port)
            }
            {
              name: 'STARTGATE_HEALTH_HOST'
              value: '0.0.0.0'
            }
            {
              name: 'STARTGATE_HTTP_PORT'
              value: string(slackPort)
            }
            {
              name: 'STARTGATE_SLACK_BOT_TOKEN'
              secretRef: 'slack-bot-token'
            }
            {
              name: slackHttp ? 'STARTGATE_SLACK_SIGNING_SECRET' : 'STARTGATE_SLACK_APP_TOKEN'
              secretRef: doorway
            }
          ]
          volumeMounts: [
            {
              volumeName: 'policy'
              mountPath: '/etc/startgate'
            }
          ]
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 5
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 20
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: port
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: 2
        maxReplicas: 2
      }
      volumes: [
        {
          name: 'policy'
          storageType: 'Secret'
          secrets: [
            {
              secretRef: 'policy'
              path: 'policy.yaml'
            }
          ]
        }
      ]
    }
  }
}

output id string = app.id
output name string = app.name
output host string = slackHttp ? app.properties.configuration.ingress.fqdn : ''
