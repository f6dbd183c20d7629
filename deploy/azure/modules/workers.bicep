metadata description = 'The workers: 1 to N replicas, by how many messages wait.'

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

@description('Counts messages for scaling; no container gets its token.')
param scalerIdentityId string
param serviceBusHost string
param serviceBusName string
param redisUrl string
param policy string
param retentionDays int
param archiveUrl string

@description('Vault of the secrets that call on-call outside Slack; used where one of the two below says so.')
param pagesVaultUri string

@description('On-call is called by PagerDuty.')
param pagerDuty bool
param pagerDutyUrl string

@description('On-call is called by this webhook; empty for none.')
param pageWebhookUrl string
param apiVersions string
param most int
param canaryEverySeconds int

var port = 8080
var webhook = pageWebhookUrl != ''

// What KEDA calls the clouds: https://keda.sh/docs/latest/scalers/azure-service-bus/
var kedaCloud = {
  AzureCloud: 'AzurePublicCloud'
  AzureUSGovernment: 'AzureUSGovernmentCloud'
  AzureChinaCloud: 'AzureChinaCloud'
}

var ownSecrets = [
  {
    name: 'policy'
    value: policy
  }
]
var pagerDutySecrets = pagerDuty ? [
  {
    name: 'pagerduty-routing-key'
    keyVaultUrl: '${pagesVaultUri}secrets/pagerduty-routing-key'
    identity: identityId
  }
] : []
var webhookSecrets = webhook ? [
  {
    name: 'page-webhook-secret'
    keyVaultUrl: '${pagesVaultUri}secrets/page-webhook-secret'
    identity: identityId
  }
] : []
var ownSettings = [
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
    name: 'STARTGATE_LOG'
    value: 'json'
  }
  {
    name: 'STARTGATE_ARCHIVE_URL'
    value: archiveUrl
  }
  {
    name: 'STARTGATE_RETENTION_DAYS'
    value: string(retentionDays)
  }
  {
    name: 'STARTGATE_API_VERSIONS'
    value: apiVersions
  }
  {
    name: 'STARTGATE_CANARY_EVERY_S'
    value: string(canaryEverySeconds)
  }
  {
    name: 'STARTGATE_HEALTH_PORT'
    value: string(port)
  }
  {
    name: 'STARTGATE_HEALTH_HOST'
    value: '0.0.0.0'
  }
]
var pagerDutySettings = pagerDuty ? [
  {
    name: 'STARTGATE_PAGERDUTY_ROUTING_KEY'
    secretRef: 'pagerduty-routing-key'
  }
  {
    name: 'STARTGATE_PAGERDUTY_URL'
    value: pagerDutyUrl
  }
] : []
var webhookSettings = webhook ? [
  {
    name: 'STARTGATE_PAGE_WEBHOOK_URL'
    value: pageWebhookUrl
  }
  {
    name: 'STARTGATE_PAGE_WEBHOOK_SECRET'
    secretRef: 'page-webhook-secret'
  }
] : []

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
      '${scalerIdentityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      identitySettings: [
        {
          identity: identityId
          lifecycle: 'Main'
        }
        {
          identity: scalerIdentityId
          lifecycle: 'None'
        }
      ]
      registries: registryServer == '' ? [] : [{ server: registryServer, identity: identityId }]
      secrets: concat(ownSecrets, pagerDutySecrets, webhookSecrets)
    }
    template: {
      // What is under way is finished or handed back within 25 s.
      terminationGracePeriodSeconds: 60
      containers: [
        {
          name: 'workers'
          image: image
          command: [
            'startgate'
          ]
          args: [
            'workers'
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(ownSettings, pagerDutySettings, webhookSettings)
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
        // Sweeps run in every replica, so there is always one.
        minReplicas: 1
        maxReplicas: most
        rules: [
          {
            name: 'starts'
            custom: {
              type: 'azure-servicebus'
              identity: scalerIdentityId
              metadata: {
                namespace: serviceBusName
                queueName: 'starts'
                messageCount: '200'
                cloud: kedaCloud[environment().name]
              }
            }
          }
          {
            name: 'work'
            custom: {
              type: 'azure-servicebus'
              identity: scalerIdentityId
              metadata: {
                namespace: serviceBusName
                queueName: 'work'
                messageCount: '200'
                cloud: kedaCloud[environment().name]
              }
            }
          }
        ]
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
